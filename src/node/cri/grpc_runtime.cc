#include <chrono>
#include <map>
#include <utility>

#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>

#include "async/oneshot.h"
#include "base/guarded.h"
#include "codec/utf8.h"
#include "node/cri/api.grpc.pb.h"
#include "node/cri/convert.h"
#include "node/cri/operation_stats.h"
#include "node/cri/runtime.h"

namespace sampan::cri {
namespace {

namespace pb = runtime::v1;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kQuick = minutes(2);    // look-ups and what the runtime does by itself
constexpr Duration kSandbox = minutes(4);  // network plugins run within it
constexpr Duration kUnlimited = Duration(0);
constexpr size_t kMostMessage = 4096;  // of an error: a runtime puts into it what a container wrote

Error ToError(const grpc::Status& status) {
  Reason reason = Reason::kInternalError;
  switch (status.error_code()) {
    case grpc::StatusCode::NOT_FOUND:
      reason = Reason::kNotFound;
      break;
    case grpc::StatusCode::ALREADY_EXISTS:
      reason = Reason::kAlreadyExists;
      break;
    case grpc::StatusCode::INVALID_ARGUMENT:
      reason = Reason::kBadRequest;
      break;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
      reason = Reason::kTimeout;
      break;
    case grpc::StatusCode::UNAVAILABLE:
      reason = Reason::kServiceUnavailable;
      break;
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      reason = Reason::kForbidden;
      break;
    default:
      break;
  }
  return Error(reason, utf8::Repaired(status.error_message(), kMostMessage));
}

// One call in flight. It lives until the library's callback has run, whatever the caller does.
template <class Request, class Response>
struct Call {
  grpc::ClientContext context;
  Request request;
  Response response;
};

// Starts a call through gRPC's callback interface: no thread waits for it. `start` is one of the stub's async members.
template <class Response, class Request, class Service>
Task<Result<Response>> Invoke(OperationStats& stats, Service* service,
                              void (Service::*start)(grpc::ClientContext*, const Request*, Response*,
                                                     std::function<void(grpc::Status)>),
                              Request request, Duration timeout, CancelToken stop = {}) {
  const auto begin = std::chrono::steady_clock::now();
  auto call = std::make_shared<Call<Request, Response>>();
  call->request = std::move(request);
  if (timeout != kUnlimited) {
    call->context.set_deadline(std::chrono::system_clock::now() +
                               std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
  }
  Oneshot<grpc::Status> done;
  (service->*start)(&call->context, &call->request, &call->response,
                    [call, sender = done.sender()](grpc::Status status) mutable { sender.Set(std::move(status)); });
  CancelToken::Subscription cancel = stop.OnCancel([weak = std::weak_ptr(call)] {
    if (auto live = weak.lock()) live->context.TryCancel();
  });
  grpc::Status status = co_await done.Wait();
  stats.Observe(OperationName(Request::descriptor()->name()), std::chrono::steady_clock::now() - begin,
                status.ok() ? OperationStats::Outcome::kSuccess : OperationStats::Outcome::kError);
  if (!status.ok()) co_return Fail(ToError(status));
  co_return std::move(call->response);
}

template <class T>
Result<void> Drop(Result<T> result) {
  if (!result) return Fail(std::move(result).error());
  return {};
}

// Removing and stopping what is not there is success.
template <class T>
Result<void> DropUnlessGone(Result<T> result) {
  if (!result && !result.error().Is(Reason::kNotFound)) return Fail(std::move(result).error());
  return {};
}

// One channel a target, kept for the life of the process: gRPC aborts ("assertion failed: prior > 0") when the last owner
// drops a channel while a thread of its own still finishes the callback that made the owner go on.
std::shared_ptr<grpc::Channel> ChannelTo(const std::string& target) {
  static Guarded<std::map<std::string, std::shared_ptr<grpc::Channel>>>& channels =
      *std::make_unique<Guarded<std::map<std::string, std::shared_ptr<grpc::Channel>>>>().release();
  auto locked = channels.Lock();
  std::shared_ptr<grpc::Channel>& channel = (*locked)[target];
  if (channel == nullptr) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(64 << 20);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    channel = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  }
  return channel;
}

class GrpcRuntime final : public Runtime {
  using RuntimeApi = pb::RuntimeService::StubInterface::async_interface;
  using ImageApi = pb::ImageService::StubInterface::async_interface;

 public:
  GrpcRuntime(const std::string& target, OperationStats& stats) : stats_(stats) {
    std::shared_ptr<grpc::Channel> channel = ChannelTo(target);
    runtime_ = pb::RuntimeService::NewStub(channel);
    images_ = pb::ImageService::NewStub(channel);
  }

  Task<Result<RuntimeVersion>> Version() override {
    CO_TRY(auto response,
           co_await Invoke<pb::VersionResponse>(stats_, runtime(), &RuntimeApi::Version, pb::VersionRequest(), kQuick));
    co_return RuntimeVersion{utf8::Repaired(response.runtime_name(), kMostMessage),
                             utf8::Repaired(response.runtime_version(), kMostMessage)};
  }

  Task<Result<std::vector<RuntimeCondition>>> Status() override {
    CO_TRY(auto response,
           co_await Invoke<pb::StatusResponse>(stats_, runtime(), &RuntimeApi::Status, pb::StatusRequest(), kQuick));
    std::vector<RuntimeCondition> conditions;
    for (const auto& one : response.status().conditions()) {
      conditions.push_back({utf8::Repaired(one.type(), kMostMessage), one.status(),
                            utf8::Repaired(one.reason(), kMostMessage), utf8::Repaired(one.message(), kMostMessage)});
    }
    co_return conditions;
  }

  Task<Result<std::string>> RunSandbox(SandboxConfig config) override {
    pb::RunPodSandboxRequest request;
    ToProto(config, request.mutable_config());
    CO_TRY(auto response, co_await Invoke<pb::RunPodSandboxResponse>(stats_, runtime(), &RuntimeApi::RunPodSandbox,
                                                                     std::move(request), kSandbox));
    co_return response.pod_sandbox_id();
  }

  Task<Result<void>> StopSandbox(std::string id) override {
    pb::StopPodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    co_return DropUnlessGone(co_await Invoke<pb::StopPodSandboxResponse>(stats_, runtime(), &RuntimeApi::StopPodSandbox,
                                                                         std::move(request), kSandbox));
  }

  Task<Result<void>> RemoveSandbox(std::string id) override {
    pb::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    co_return DropUnlessGone(co_await Invoke<pb::RemovePodSandboxResponse>(stats_, runtime(), &RuntimeApi::RemovePodSandbox,
                                                                           std::move(request), kSandbox));
  }

  Task<Result<Sandbox>> SandboxStatus(std::string id) override {
    pb::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(id);
    CO_TRY(auto response, co_await Invoke<pb::PodSandboxStatusResponse>(stats_, runtime(), &RuntimeApi::PodSandboxStatus,
                                                                        std::move(request), kQuick));
    co_return FromProto(response.status());
  }

  Task<Result<std::vector<Sandbox>>> ListSandboxes(Labels selector) override {
    pb::ListPodSandboxRequest request;
    for (const auto& [key, value] : selector) (*request.mutable_filter()->mutable_label_selector())[key] = value;
    CO_TRY(auto response, co_await Invoke<pb::ListPodSandboxResponse>(stats_, runtime(), &RuntimeApi::ListPodSandbox,
                                                                      std::move(request), kQuick));
    std::vector<Sandbox> sandboxes;
    for (const auto& item : response.items()) sandboxes.push_back(FromProto(item));
    co_return sandboxes;
  }

  Task<Result<std::string>> CreateContainer(std::string sandbox_id, ContainerConfig config,
                                            SandboxConfig sandbox_config) override {
    pb::CreateContainerRequest request;
    request.set_pod_sandbox_id(sandbox_id);
    ToProto(config, request.mutable_config());
    ToProto(sandbox_config, request.mutable_sandbox_config());
    CO_TRY(auto response, co_await Invoke<pb::CreateContainerResponse>(stats_, runtime(), &RuntimeApi::CreateContainer,
                                                                       std::move(request), kSandbox));
    co_return response.container_id();
  }

  Task<Result<void>> StartContainer(std::string id) override {
    pb::StartContainerRequest request;
    request.set_container_id(id);
    co_return Drop(co_await Invoke<pb::StartContainerResponse>(stats_, runtime(), &RuntimeApi::StartContainer,
                                                               std::move(request), kSandbox));
  }

  Task<Result<void>> StopContainer(std::string id, Duration grace, CancelToken stop) override {
    pb::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(std::chrono::ceil<seconds>(grace).count());
    co_return DropUnlessGone(co_await Invoke<pb::StopContainerResponse>(stats_, runtime(), &RuntimeApi::StopContainer,
                                                                        std::move(request), grace + kQuick, stop));
  }

  Task<Result<void>> RemoveContainer(std::string id) override {
    pb::RemoveContainerRequest request;
    request.set_container_id(id);
    co_return DropUnlessGone(co_await Invoke<pb::RemoveContainerResponse>(stats_, runtime(), &RuntimeApi::RemoveContainer,
                                                                          std::move(request), kQuick));
  }

  Task<Result<void>> UpdateContainerResources(std::string id, ContainerResources resources) override {
    pb::UpdateContainerResourcesRequest request;
    request.set_container_id(id);
    ToProto(resources, request.mutable_linux());
    co_return Drop(co_await Invoke<pb::UpdateContainerResourcesResponse>(
        stats_, runtime(), &RuntimeApi::UpdateContainerResources, std::move(request), kQuick));
  }

  Task<Result<std::vector<Container>>> ListContainers(Labels selector) override {
    pb::ListContainersRequest request;
    for (const auto& [key, value] : selector) (*request.mutable_filter()->mutable_label_selector())[key] = value;
    CO_TRY(auto response, co_await Invoke<pb::ListContainersResponse>(stats_, runtime(), &RuntimeApi::ListContainers,
                                                                      std::move(request), kQuick));
    std::vector<Container> containers;
    for (const auto& item : response.containers()) containers.push_back(FromProto(item));
    co_return containers;
  }

  Task<Result<Container>> ContainerStatus(std::string id) override {
    pb::ContainerStatusRequest request;
    request.set_container_id(id);
    CO_TRY(auto response, co_await Invoke<pb::ContainerStatusResponse>(stats_, runtime(), &RuntimeApi::ContainerStatus,
                                                                       std::move(request), kQuick));
    co_return FromProto(response.status());
  }

  Task<Result<void>> ReopenLog(std::string id) override {
    pb::ReopenContainerLogRequest request;
    request.set_container_id(id);
    co_return Drop(co_await Invoke<pb::ReopenContainerLogResponse>(stats_, runtime(), &RuntimeApi::ReopenContainerLog,
                                                                   std::move(request), kQuick));
  }

  Task<Result<ExecSyncResult>> ExecSync(std::string id, std::vector<std::string> command, Duration timeout,
                                        CancelToken stop) override {
    pb::ExecSyncRequest request;
    request.set_container_id(id);
    for (std::string& word : command) request.add_cmd(std::move(word));
    request.set_timeout(std::chrono::ceil<seconds>(timeout).count());
    // The runtime ends the command at its timeout; the deadline is for a runtime that does not answer.
    CO_TRY(auto response,
           co_await Invoke<pb::ExecSyncResponse>(stats_, runtime(), &RuntimeApi::ExecSync, std::move(request),
                                                 timeout == Duration(0) ? kUnlimited : timeout + kQuick, stop));
    co_return ExecSyncResult{std::move(*response.mutable_stdout()), std::move(*response.mutable_stderr()),
                             response.exit_code()};
  }

  Task<Result<std::string>> Exec(std::string id, std::vector<std::string> command, StreamOptions options) override {
    pb::ExecRequest request;
    request.set_container_id(id);
    for (std::string& word : command) request.add_cmd(std::move(word));
    request.set_tty(options.tty);
    request.set_stdin(options.stdin_open);
    request.set_stdout(options.stdout_open);
    request.set_stderr(options.stderr_open);
    CO_TRY(auto response,
           co_await Invoke<pb::ExecResponse>(stats_, runtime(), &RuntimeApi::Exec, std::move(request), kQuick));
    co_return response.url();
  }

  Task<Result<std::string>> Attach(std::string id, StreamOptions options) override {
    pb::AttachRequest request;
    request.set_container_id(id);
    request.set_tty(options.tty);
    request.set_stdin(options.stdin_open);
    request.set_stdout(options.stdout_open);
    request.set_stderr(options.stderr_open);
    CO_TRY(auto response,
           co_await Invoke<pb::AttachResponse>(stats_, runtime(), &RuntimeApi::Attach, std::move(request), kQuick));
    co_return response.url();
  }

  Task<Result<std::string>> PortForward(std::string sandbox_id, std::vector<int32_t> ports) override {
    pb::PortForwardRequest request;
    request.set_pod_sandbox_id(sandbox_id);
    for (int32_t port : ports) request.add_port(port);
    CO_TRY(auto response, co_await Invoke<pb::PortForwardResponse>(stats_, runtime(), &RuntimeApi::PortForward,
                                                                   std::move(request), kQuick));
    co_return response.url();
  }

  Task<Result<std::vector<ContainerStats>>> ListStats() override {
    CO_TRY(auto response, co_await Invoke<pb::ListContainerStatsResponse>(stats_, runtime(), &RuntimeApi::ListContainerStats,
                                                                          pb::ListContainerStatsRequest(), kQuick));
    std::vector<ContainerStats> stats;
    for (const auto& item : response.stats()) stats.push_back(FromProto(item));
    co_return stats;
  }

  Task<Result<std::vector<Image>>> ListImages() override {
    CO_TRY(auto response, co_await Invoke<pb::ListImagesResponse>(stats_, images(), &ImageApi::ListImages,
                                                                  pb::ListImagesRequest(), kQuick));
    std::vector<Image> images;
    for (const auto& item : response.images()) images.push_back(FromProto(item));
    co_return images;
  }

  Task<Result<std::optional<Image>>> FindImage(std::string image) override {
    pb::ImageStatusRequest request;
    request.mutable_image()->set_image(image);
    CO_TRY(auto response,
           co_await Invoke<pb::ImageStatusResponse>(stats_, images(), &ImageApi::ImageStatus, std::move(request), kQuick));
    std::optional<Image> found;
    if (response.has_image() && !response.image().id().empty()) found = FromProto(response.image());
    co_return found;
  }

  Task<Result<std::string>> PullImage(std::string image, Auth auth, SandboxConfig sandbox, CancelToken stop) override {
    pb::PullImageRequest request;
    request.mutable_image()->set_image(image);
    ToProto(auth, request.mutable_auth());
    ToProto(sandbox, request.mutable_sandbox_config());
    CO_TRY(auto response, co_await Invoke<pb::PullImageResponse>(stats_, images(), &ImageApi::PullImage, std::move(request),
                                                                 kUnlimited, stop));
    co_return response.image_ref();
  }

  Task<Result<void>> RemoveImage(std::string image) override {
    pb::RemoveImageRequest request;
    request.mutable_image()->set_image(image);
    co_return DropUnlessGone(
        co_await Invoke<pb::RemoveImageResponse>(stats_, images(), &ImageApi::RemoveImage, std::move(request), kQuick));
  }

  Task<Result<std::vector<ImageFilesystem>>> ImageFilesystems() override {
    CO_TRY(auto response, co_await Invoke<pb::ImageFsInfoResponse>(stats_, images(), &ImageApi::ImageFsInfo,
                                                                   pb::ImageFsInfoRequest(), kQuick));
    std::vector<ImageFilesystem> filesystems;
    for (const auto& one : response.image_filesystems()) {
      filesystems.push_back({one.fs_id().mountpoint(), one.used_bytes().value()});
    }
    co_return filesystems;
  }

 private:
  RuntimeApi* runtime() { return runtime_->async(); }
  ImageApi* images() { return images_->async(); }

  OperationStats& stats_;
  std::unique_ptr<pb::RuntimeService::StubInterface> runtime_;
  std::unique_ptr<pb::ImageService::StubInterface> images_;
};

}  // namespace

std::unique_ptr<Runtime> NewRuntime(const std::string& endpoint, OperationStats& stats) {
  // Once initialised, gRPC stays so: the last call may end on one of its own threads, from which it cannot be shut down.
  static const bool kInitialised = (grpc_init(), true);
  (void)kInitialised;
  return std::make_unique<GrpcRuntime>(endpoint.starts_with("unix:") ? endpoint : "unix://" + endpoint, stats);
}

}  // namespace sampan::cri
