#include "node/probes/probe.h"

#include <algorithm>
#include <charconv>

#include <fmt/ranges.h>

#include "codec/protobuf.h"
#include "codec/utf8.h"
#include "net/client.h"
#include "net/grpc_call.h"

namespace sampan::node {
namespace {

using namespace api::core;
using std::chrono::seconds;

constexpr size_t kMaxOutput = 10 * 1024;  // kept of what a command or a server said

// How long the other side may take.
struct Limit {
  Duration timeout;
  CancelToken stop;
};

// The status. The body tells a probe nothing, and may never end.
Task<Result<int>> Get(IoLoops* loops, const HTTPGetAction* action, ProbeTarget target, Limit limit, std::string agent) {
  CO_TRY(uint16_t port, ResolvePort(action->port, *target.container));
  net::ClientOptions options;
  options.host = action->host.empty() ? target.pod_ip : action->host;
  options.port = port;
  options.connect_timeout = limit.timeout;
  options.max_idle_connections = 0;
  if (action->scheme == "HTTPS") {
    net::TlsClientOptions tls;
    tls.skip_verify = true;  // a probe asks whether it answers, not who it is
    options.tls = std::make_shared<const net::TlsClientOptions>(std::move(tls));
  }
  net::ClientRequest request;
  request.target = action->path.empty() ? "/" : action->path;
  if (!request.target.starts_with('/')) request.target.insert(0, "/");
  request.timeout = limit.timeout;
  bool has_agent = false, has_accept = false;
  for (const HTTPHeader& header : action->http_headers) {
    std::string name = header.name;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    has_agent |= name == "user-agent";
    has_accept |= name == "accept";
    request.headers.Add(std::move(name), header.value);
  }
  if (!has_agent) request.headers.Add("user-agent", std::move(agent));
  if (!has_accept) request.headers.Add("accept", "*/*");
  request.headers.Add("connection", "close");
  std::unique_ptr<net::Client> client = net::NewClient(*loops, std::move(options));
  CO_TRY(auto response, co_await client->Send(std::move(request), limit.stop));
  co_return response->status();
}

Task<ProbeOutcome> HttpProbe(IoLoops* loops, const HTTPGetAction* action, ProbeTarget target, Limit limit) {
  auto status = co_await Get(loops, action, target, limit, "kube-probe/1.36");
  if (!status) {
    std::string scheme = action->scheme == "HTTPS" ? "https" : "http";
    co_return ProbeOutcome{
        false, fmt::format("Get \"{}://{}:{}{}\": {}", scheme, action->host.empty() ? target.pod_ip : action->host,
                           action->port.ToString(), action->path, status.error())};
  }
  if (*status >= 200 && *status < 400) co_return ProbeOutcome{true, {}};
  co_return ProbeOutcome{false, fmt::format("HTTP probe failed with statuscode: {}", *status)};
}

// Both streams, one after the other, as far as they are kept.
std::string OutputOf(const cri::ExecSyncResult& done) {
  std::string text = utf8::Repaired(done.out, kMaxOutput);
  return text + utf8::Repaired(done.err, kMaxOutput - text.size());
}

Task<Result<ProbeOutcome>> ExecProbe(cri::Runtime* runtime, const ExecAction* action, ProbeTarget target, Limit limit) {
  auto done = co_await runtime->ExecSync(target.container_id, action->command, limit.timeout, limit.stop);
  if (!done) {
    if (done.error().Is(Reason::kTimeout)) {
      co_return ProbeOutcome{false, fmt::format("command timed out: \"{}\" timed out after {}",
                                                fmt::join(action->command, " "), FormatDuration(limit.timeout))};
    }
    co_return Fail(done.error());
  }
  if (done->exit_code == 0) co_return ProbeOutcome{true, {}};
  co_return ProbeOutcome{false, OutputOf(*done)};
}

Task<ProbeOutcome> TcpProbe(IoLoops* loops, std::string host, uint16_t port, Limit limit) {
  auto stream = co_await net::ConnectTcp(*loops, std::move(host), port, limit.timeout, limit.stop);
  if (stream) co_return ProbeOutcome{true, {}};
  co_return ProbeOutcome{false, stream.error().message()};
}

Task<ProbeOutcome> GrpcProbe(IoLoops* loops, const GRPCAction* action, ProbeTarget target, Limit limit) {
  net::GrpcCall call;
  call.host = target.pod_ip;
  call.port = static_cast<uint16_t>(action->port);
  call.method = "/grpc.health.v1.Health/Check";
  call.message = HealthRequest(action->service);
  call.user_agent = "kube-probe/1.36";
  call.timeout = limit.timeout;
  call.stop = limit.stop;
  const std::string where = fmt::format("{}:{}", call.host, call.port);
  auto answer = co_await net::CallGrpc(*loops, std::move(call));
  if (!answer) {
    co_return ProbeOutcome{false, fmt::format("timeout: failed to connect service \"{}\" within {}: {}", where,
                                              FormatDuration(limit.timeout), answer.error())};
  }
  co_return HealthOutcome(*answer);
}

}  // namespace

std::string HealthRequest(std::string_view service) {
  std::string message;
  if (!service.empty()) protobuf::Writer(message).Bytes(1, service);
  return message;
}

ProbeOutcome HealthOutcome(const net::GrpcAnswer& answer) {
  constexpr int kUnimplemented = 12, kDeadlineExceeded = 4;
  const std::string message = utf8::Repaired(answer.status_message, kMaxOutput);
  if (answer.status == kUnimplemented) {
    return {false, fmt::format("error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {}",
                               message)};
  }
  if (answer.status == kDeadlineExceeded) return {false, fmt::format("timeout: health rpc did not complete: {}", message)};
  if (answer.status != 0) {
    return {false, fmt::format("error: health rpc probe failed: rpc error: code = {} desc = {}", answer.status, message)};
  }
  uint64_t status = 0;
  protobuf::Reader reader(answer.message);
  while (auto field = reader.Next()) {
    if (field->number == 1 && field->wire == protobuf::Wire::kVarint) status = field->number_value;
  }
  static constexpr std::string_view kNames[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  if (!reader.failed() && status == 1) return {true, {}};
  return {false, fmt::format("service unhealthy (responded with \"{}\")", kNames[status < 4 ? status : 0])};
}

Result<uint16_t> ResolvePort(const api::IntOrString& port, const Container& container) {
  int32_t number = port.number();
  if (port.is_string()) {
    auto named = std::ranges::find(container.ports, port.text(), &ContainerPort::name);
    if (named != container.ports.end()) {
      number = named->container_port;
    } else {
      std::from_chars(port.text().data(), port.text().data() + port.text().size(), number);
    }
  }
  if (number <= 0 || number > 65535) return Fail(Error::BadRequest("invalid port number: {}", port.ToString()));
  return static_cast<uint16_t>(number);
}

Task<Result<ProbeOutcome>> RunProbe(const ProbeDeps* deps, const Probe* probe, ProbeTarget target, CancelToken stop) {
  const Limit limit{seconds(std::max(probe->timeout_seconds.value_or(1), 1)), std::move(stop)};
  if (probe->exec) co_return co_await ExecProbe(&deps->runtime, probe->exec.get(), std::move(target), limit);
  if (probe->http_get) co_return co_await HttpProbe(&deps->loops, probe->http_get.get(), std::move(target), limit);
  if (probe->tcp_socket) {
    auto port = ResolvePort(probe->tcp_socket->port, *target.container);
    if (!port) co_return ProbeOutcome{false, port.error().message()};
    std::string host = probe->tcp_socket->host.empty() ? target.pod_ip : probe->tcp_socket->host;
    co_return co_await TcpProbe(&deps->loops, std::move(host), *port, limit);
  }
  if (probe->grpc) co_return co_await GrpcProbe(&deps->loops, probe->grpc.get(), std::move(target), limit);
  co_return ProbeOutcome{true, {}};
}

Task<Result<void>> RunHook(const ProbeDeps* deps, const LifecycleHandler* handler, ProbeTarget target, Duration timeout,
                           CancelToken stop) {
  const Limit limit{timeout, std::move(stop)};
  if (handler->exec) {
    auto done = co_await deps->runtime.ExecSync(target.container_id, handler->exec->command, timeout, limit.stop);
    if (!done) co_return Fail(done.error());
    if (done->exit_code != 0) {
      co_return Fail(Error::InternalError("command '{}' exited with {}: {}", fmt::join(handler->exec->command, " "),
                                          done->exit_code,
                                          utf8::Repaired(done->err.empty() ? done->out : done->err, kMaxOutput)));
    }
  } else if (handler->http_get) {
    CO_TRY(int status, co_await Get(&deps->loops, handler->http_get.get(), target, limit, "kube-lifecycle/1.36"));
    if (status >= 400) co_return Fail(Error::InternalError("HTTP hook answered {}", status));
  } else if (handler->tcp_socket) {
    CO_TRY(uint16_t port, ResolvePort(handler->tcp_socket->port, *target.container));
    ProbeOutcome outcome = co_await TcpProbe(&deps->loops, target.pod_ip, port, limit);
    if (!outcome.ok) co_return Fail(Error::InternalError("{}", outcome.output));
  }
  co_return Result<void>();
}

ProbeCounter::ProbeCounter(const Probe& probe)
    : success_threshold_(std::max(probe.success_threshold.value_or(1), 1)),
      failure_threshold_(std::max(probe.failure_threshold.value_or(3), 1)) {}

std::optional<bool> ProbeCounter::Observe(bool ok) {
  run_ = run_ > 0 && ok == last_ ? run_ + 1 : 1;
  last_ = ok;
  if (run_ < (ok ? success_threshold_ : failure_threshold_)) return std::nullopt;
  return ok;
}

}  // namespace sampan::node
