#include "node/cri/fake_runtime.h"

#include <algorithm>

#include <fmt/format.h>

#include "async/oneshot.h"

namespace sampan::cri {
namespace {

bool Matches(const Labels& labels, const Labels& selector) {
  return std::ranges::all_of(selector, [&](const auto& wanted) {
    auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

constexpr char kUid[] = "io.kubernetes.pod.uid";
constexpr Duration kLongLimit = std::chrono::minutes(1);

}  // namespace

void FakeRuntime::AddImage(const std::string& name) {
  world_.Lock()->images.insert(name);
}
void FakeRuntime::AddRemoteImage(const std::string& name) {
  world_.Lock()->remote_images.insert(name);
}
void FakeRuntime::SetFault(Fault fault) {
  world_.Lock()->fault = std::move(fault);
}
void FakeRuntime::SetExec(ExecHandler handler) {
  world_.Lock()->exec = std::move(handler);
}

Result<void> FakeRuntime::Check(std::string_view call) {
  Fault fault = world_.ReadLock()->fault;
  if (!fault) return {};
  std::optional<Error> error = fault(call);
  if (error) return Fail(*error);
  return {};
}

void FakeRuntime::EndLocked(World& world, Container& container, int32_t code) {
  container.state = ContainerState::kExited;
  container.exit_code = code;
  container.finished_at = clock_.Now();
  container.reason = code == 0 ? "Completed" : "Error";
}

bool FakeRuntime::Exit(const std::string& pod_uid, const std::string& name, int32_t code) {
  auto world = world_.Lock();
  for (auto& [id, container] : world->containers) {
    auto uid = container.labels.find(kUid);
    if (container.name != name || uid == container.labels.end() || uid->second != pod_uid) continue;
    if (container.state != ContainerState::kRunning) continue;
    EndLocked(*world, container, code);
    return true;
  }
  return false;
}

void FakeRuntime::LoseSandbox(const std::string& pod_uid) {
  auto world = world_.Lock();
  for (auto& [id, sandbox] : world->sandboxes) {
    if (sandbox.uid == pod_uid) sandbox.state = SandboxState::kNotReady;
  }
  for (auto& [id, container] : world->containers) {
    auto uid = container.labels.find(kUid);
    bool of_pod = uid != container.labels.end() && uid->second == pod_uid;
    if (of_pod && container.state == ContainerState::kRunning) EndLocked(*world, container, 137);
  }
}

std::vector<std::string> FakeRuntime::calls() const {
  return world_.ReadLock()->calls;
}
std::vector<std::string> FakeRuntime::pod_uids() const {
  std::set<std::string> uids;
  for (const auto& [id, sandbox] : world_.ReadLock()->sandboxes) uids.insert(sandbox.uid);
  return {uids.begin(), uids.end()};
}
size_t FakeRuntime::sandboxes() const {
  return world_.ReadLock()->sandboxes.size();
}
std::vector<Duration> FakeRuntime::graces() const {
  return world_.ReadLock()->graces;
}
size_t FakeRuntime::running() const {
  auto world = world_.ReadLock();
  return static_cast<size_t>(std::ranges::count_if(
      world->containers, [](const auto& entry) { return entry.second.state == ContainerState::kRunning; }));
}
ContainerConfig FakeRuntime::ConfigOf(const std::string& container) const {
  auto world = world_.ReadLock();
  auto found = world->configs.find(container);
  return found == world->configs.end() ? ContainerConfig() : found->second;
}
SandboxConfig FakeRuntime::SandboxConfigOf(const std::string& pod_uid) const {
  auto world = world_.ReadLock();
  auto found = world->sandbox_configs.find(pod_uid);
  return found == world->sandbox_configs.end() ? SandboxConfig() : found->second;
}

Task<Result<RuntimeVersion>> FakeRuntime::Version() {
  co_return RuntimeVersion{"fake", "1"};
}
Task<Result<std::vector<RuntimeCondition>>> FakeRuntime::Status() {
  CO_TRY_VOID(Check("Status"));
  co_return std::vector<RuntimeCondition>{{"RuntimeReady", true, {}, {}}, {"NetworkReady", true, {}, {}}};
}

Task<Result<std::string>> FakeRuntime::RunSandbox(SandboxConfig config) {
  CO_TRY_VOID(Check("RunSandbox"));
  auto world = world_.Lock();
  Sandbox sandbox;
  sandbox.id = fmt::format("s{}", world->next_id);
  sandbox.name = config.name;
  sandbox.uid = config.uid;
  sandbox.namespace_ = config.namespace_;
  sandbox.attempt = config.attempt;
  sandbox.state = SandboxState::kReady;
  sandbox.created_at = clock_.Now();
  sandbox.labels = config.labels;
  sandbox.ips = {fmt::format("10.{}.{}.{}", network_, world->next_id / 256, world->next_id % 256)};
  ++world->next_id;
  world->calls.push_back("RunSandbox " + config.name);
  world->sandbox_configs[config.uid] = std::move(config);
  std::string id = sandbox.id;
  world->sandboxes[id] = std::move(sandbox);
  co_return id;
}

Task<Result<void>> FakeRuntime::StopSandbox(std::string id) {
  CO_TRY_VOID(Check("StopSandbox"));
  auto world = world_.Lock();
  auto found = world->sandboxes.find(id);
  if (found == world->sandboxes.end()) co_return Result<void>();
  found->second.state = SandboxState::kNotReady;
  for (auto& [container_id, container] : world->containers) {
    if (container.sandbox_id == id && container.state == ContainerState::kRunning) EndLocked(*world, container, 137);
  }
  world->calls.push_back("StopSandbox " + found->second.name);
  co_return Result<void>();
}

Task<Result<void>> FakeRuntime::RemoveSandbox(std::string id) {
  CO_TRY_VOID(Check("RemoveSandbox"));
  auto world = world_.Lock();
  if (world->sandboxes.erase(id) > 0) world->calls.push_back("RemoveSandbox " + id);
  std::erase_if(world->containers, [&](const auto& entry) { return entry.second.sandbox_id == id; });
  co_return Result<void>();
}

Task<Result<Sandbox>> FakeRuntime::SandboxStatus(std::string id) {
  auto world = world_.ReadLock();
  auto found = world->sandboxes.find(id);
  if (found == world->sandboxes.end()) co_return Fail(Error::NotFound("no sandbox {}", id));
  co_return found->second;
}

Task<Result<std::vector<Sandbox>>> FakeRuntime::ListSandboxes(Labels selector) {
  CO_TRY_VOID(Check("ListSandboxes"));
  auto world = world_.ReadLock();
  std::vector<Sandbox> out;
  for (const auto& [id, sandbox] : world->sandboxes) {
    if (!Matches(sandbox.labels, selector)) continue;
    out.push_back(sandbox);
    out.back().ips.clear();
  }
  co_return out;
}

Task<Result<std::string>> FakeRuntime::CreateContainer(std::string sandbox_id, ContainerConfig config, SandboxConfig) {
  CO_TRY_VOID(Check("CreateContainer"));
  auto world = world_.Lock();
  auto sandbox = world->sandboxes.find(sandbox_id);
  if (sandbox == world->sandboxes.end()) co_return Fail(Error::NotFound("no sandbox {}", sandbox_id));
  // As runtimes do: a container joins the namespaces of a sandbox that lives.
  if (sandbox->second.state != SandboxState::kReady) {
    co_return Fail(Error::InternalError("sandbox {} is not running", sandbox_id));
  }
  Container container;
  container.id = fmt::format("c{}", world->next_id++);
  container.sandbox_id = sandbox_id;
  container.name = config.name;
  container.attempt = config.attempt;
  container.state = ContainerState::kCreated;
  container.image = config.image;
  container.image_ref = config.image + "@sha256:0";
  container.created_at = clock_.Now();
  container.labels = config.labels;
  container.annotations = config.annotations;
  world->configs[config.name] = std::move(config);
  std::string id = container.id;
  world->containers[id] = std::move(container);
  co_return id;
}

Task<Result<void>> FakeRuntime::StartContainer(std::string id) {
  CO_TRY_VOID(Check("StartContainer"));
  auto world = world_.Lock();
  auto found = world->containers.find(id);
  if (found == world->containers.end()) co_return Fail(Error::NotFound("no container {}", id));
  found->second.state = ContainerState::kRunning;
  found->second.started_at = clock_.Now();
  world->calls.push_back("StartContainer " + found->second.name);
  co_return Result<void>();
}

// A wait that only `stop` ends, when there are to be any and `limit` is long.
Task<Result<void>> FakeRuntime::Endlessly(Duration limit, CancelToken stop) {
  if (!world_.ReadLock()->endless || limit <= kLongLimit) co_return Result<void>();
  Oneshot<bool> ended;
  auto subscription = stop.OnCancel([sender = ended.sender()]() mutable { sender.Set(true); });
  co_await ended.Wait();
  co_return Fail(Error::Timeout("given up"));
}

void FakeRuntime::SetEndless() {
  world_.Lock()->endless = true;
}

Task<Result<void>> FakeRuntime::StopContainer(std::string id, Duration grace, CancelToken stop) {
  CO_TRY_VOID(Check("StopContainer"));
  CO_TRY_VOID(co_await Endlessly(grace, std::move(stop)));
  auto world = world_.Lock();
  auto found = world->containers.find(id);
  if (found == world->containers.end()) co_return Result<void>();
  world->graces.push_back(grace);
  world->calls.push_back("StopContainer " + found->second.name);
  if (found->second.state == ContainerState::kRunning) EndLocked(*world, found->second, 143);
  co_return Result<void>();
}

Task<Result<void>> FakeRuntime::UpdateContainerResources(std::string id, ContainerResources resources) {
  CO_TRY_VOID(Check("UpdateContainerResources"));
  auto world = world_.Lock();
  auto found = world->containers.find(id);
  if (found == world->containers.end()) co_return Fail(Error::NotFound("no container {}", id));
  world->calls.push_back("UpdateContainerResources " + found->second.name);
  world->configs[found->second.name].resources = resources;
  co_return Result<void>();
}

Task<Result<void>> FakeRuntime::RemoveContainer(std::string id) {
  world_.Lock()->containers.erase(id);
  co_return Result<void>();
}

Task<Result<std::vector<Container>>> FakeRuntime::ListContainers(Labels selector) {
  CO_TRY_VOID(Check("ListContainers"));
  auto world = world_.ReadLock();
  std::vector<Container> out;
  for (const auto& [id, container] : world->containers) {
    if (Matches(container.labels, selector)) out.push_back(container);
  }
  co_return out;
}

Task<Result<Container>> FakeRuntime::ContainerStatus(std::string id) {
  auto world = world_.ReadLock();
  auto found = world->containers.find(id);
  if (found == world->containers.end()) co_return Fail(Error::NotFound("no container {}", id));
  co_return found->second;
}

Task<Result<void>> FakeRuntime::ReopenLog(std::string) {
  co_return Result<void>();
}

Task<Result<ExecSyncResult>> FakeRuntime::ExecSync(std::string id, std::vector<std::string> command, Duration timeout,
                                                   CancelToken stop) {
  CO_TRY_VOID(Check("ExecSync"));
  CO_TRY_VOID(co_await Endlessly(timeout, std::move(stop)));
  ExecHandler handler = world_.ReadLock()->exec;
  co_return handler ? handler(id, command) : ExecSyncResult();
}

Task<Result<std::string>> FakeRuntime::Exec(std::string id, std::vector<std::string>, StreamOptions) {
  co_return "http://127.0.0.1:1/exec/" + id;
}
Task<Result<std::string>> FakeRuntime::Attach(std::string id, StreamOptions) {
  co_return "http://127.0.0.1:1/attach/" + id;
}
Task<Result<std::string>> FakeRuntime::PortForward(std::string sandbox_id, std::vector<int32_t>) {
  co_return "http://127.0.0.1:1/portforward/" + sandbox_id;
}
Task<Result<std::vector<ContainerStats>>> FakeRuntime::ListStats() {
  co_return std::vector<ContainerStats>();
}

Task<Result<std::vector<Image>>> FakeRuntime::ListImages() {
  auto world = world_.ReadLock();
  std::vector<Image> out;
  for (const std::string& name : world->images) out.push_back({.id = name, .tags = {name}, .size_bytes = 1 << 20});
  co_return out;
}

Task<Result<std::optional<Image>>> FakeRuntime::FindImage(std::string image) {
  auto world = world_.ReadLock();
  std::optional<Image> found;
  if (world->images.contains(image)) found = Image{.id = image, .tags = {image}, .size_bytes = 1 << 20};
  co_return found;
}

Task<Result<std::string>> FakeRuntime::PullImage(std::string image, Auth, SandboxConfig, CancelToken) {
  CO_TRY_VOID(Check("PullImage"));
  auto world = world_.Lock();
  world->calls.push_back("PullImage " + image);
  if (!world->remote_images.contains(image)) co_return Fail(Error::InternalError("pull access denied for {}", image));
  world->images.insert(image);
  co_return image;
}

Task<Result<void>> FakeRuntime::RemoveImage(std::string image) {
  world_.Lock()->images.erase(image);
  co_return Result<void>();
}
Task<Result<std::vector<ImageFilesystem>>> FakeRuntime::ImageFilesystems() {
  co_return std::vector<ImageFilesystem>();
}

}  // namespace sampan::cri
