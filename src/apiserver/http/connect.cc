#include "api/types/core.h"
#include "api/types/discovery.h"
#include "apiserver/errors.h"
#include "apiserver/gate/handlers.h"
#include "apiserver/http/handlers.h"
#include "apiserver/http/watch_sink.h"
#include "apiserver/proxy/forward.h"
#include "apiserver/proxy/kubelet_target.h"
#include "async/contain.h"
#include "net/relay.h"

namespace sampan::apiserver {

namespace {

Result<std::shared_ptr<net::Client>> KubeletClient(HttpContext& context, std::string_view node_name) {
  ObjectPtr node = context.registry.Get<api::core::Node>("", node_name);
  if (node == nullptr) return Fail(NotFoundError(api::KindOf<api::core::Node>(), node_name));
  TRY(KubeletAddress address, KubeletOf(*node));
  return context.connections.Kubelet(address.host, address.port, address.node);
}

// The kubelet's plain-text refusal as an error of ours.
Error Refusal(int status, std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return Error(ReasonFromStatus("", status), std::move(text));
}

Task<void> CopyLog(net::ClientResponse* from, WatchSink* to) {
  Result<void> written;
  while (written) {
    auto piece = co_await from->ReadSome();
    if (!piece || piece->empty()) co_return;
    std::vector<net::Chunk> chunks;
    chunks.push_back(net::Chunk::Copy(*std::move(piece)));
    written = co_await to->Write(std::move(chunks));
  }
}

Task<Answer> HandleLog(HttpContext* context, Exchange* exchange, ObjectPtr pod) {
  const auto& typed = pod->As<api::core::Pod>();
  CO_TRY(std::string target, KubeletTarget(*pod, "log", exchange->query));
  if (typed.spec.node_name.empty()) co_return TextResponse(200, "");  // nothing has run yet
  CO_TRY(std::shared_ptr<net::Client> kubelet, KubeletClient(*context, typed.spec.node_name));
  net::ClientRequest out;
  out.target = std::move(target);
  CancelSource over(exchange->request.gone);
  auto sent = co_await kubelet->Send(std::move(out), over.token());
  if (!sent)
    co_return Fail(Error::InternalError("Get \"https://{}/containerLogs\": {}", typed.spec.node_name, sent.error()));
  std::unique_ptr<net::ClientResponse> response = *std::move(sent);
  if (response->status() != 200) {
    auto text = co_await response->ReadAll(64 * 1024);
    co_return Fail(Refusal(response->status(), text ? *std::move(text) : "the node's answer broke off"));
  }
  auto sink = co_await OpenWatchSink(exchange, "text/plain");
  if (!sink) co_return std::optional<net::Response>();  // the client is gone or was answered
  (*sink)->OnGone([&over] { over.Cancel(); });
  co_await Contained("log", CopyLog(response.get(), sink->get()));
  co_await (*sink)->Finish();
  co_return std::optional<net::Response>();
}

Task<Answer> HandleStreaming(HttpContext* context, Exchange* exchange, ObjectPtr pod) {
  const std::string& subresource = exchange->info().subresource;
  const auto& typed = pod->As<api::core::Pod>();
  if (typed.spec.node_name.empty()) co_return Fail(Error::BadRequest("pod {} does not have a host assigned", pod->name()));
  if (exchange->request.headers.Get("upgrade").empty()) co_return Fail(Error::BadRequest("Upgrade request required"));
  net::StreamingProxyOptions options;
  options.kind = subresource == "portforward" ? net::StreamingKind::kPortForward : net::StreamingKind::kRemoteCommand;
  options.streams = net::RemoteStreams::FromQuery(exchange->request.query);
  options.upstream.method = "POST";
  // kubectl takes any text for a Status (most are YAML maps) and would show an empty message.
  options.error_response = &ErrorResponse;
  CO_TRY(options.upstream.target, KubeletTarget(*pod, subresource, exchange->query));
  CO_TRY(std::shared_ptr<net::Client> kubelet, KubeletClient(*context, typed.spec.node_name));
  exchange->asked->Streaming(101);
  co_await net::ProxyStreaming(exchange->request, exchange->writer, *kubelet, std::move(options));
  co_return std::optional<net::Response>();
}

// "[scheme:]name[:port]" of a proxied pod or service.
struct ProxyName {
  bool https = false;
  std::string name;
  std::string port;

  static ProxyName Parse(std::string_view text) {
    ProxyName parsed;
    size_t colons = static_cast<size_t>(std::count(text.begin(), text.end(), ':'));
    if (colons == 2) {
      parsed.https = text.substr(0, text.find(':')) == "https";
      text.remove_prefix(text.find(':') + 1);
    }
    size_t colon = text.find(':');
    parsed.name = text.substr(0, colon);
    if (colon != std::string_view::npos) parsed.port = text.substr(colon + 1);
    return parsed;
  }
};

struct Destination {
  std::string host;
  uint16_t port = 80;
};

Result<Destination> PodDestination(const HttpContext& context, const std::string& namespace_, const ProxyName& wanted) {
  ObjectPtr pod = context.registry.Get<api::core::Pod>(namespace_, wanted.name);
  if (pod == nullptr) return Fail(NotFoundError(api::KindOf<api::core::Pod>(), wanted.name));
  const auto& typed = pod->As<api::core::Pod>();
  if (typed.status.pod_ip.empty()) return Fail(Error::ServiceUnavailable("pod {} has no address yet", wanted.name));
  // A pod's address is what its node says; the server's own machine must not be reached through it.
  for (std::string_view own : {"127.", "169.254.", "0.", "::1"}) {
    if (typed.status.pod_ip.starts_with(own)) return Fail(Error::BadRequest("address not allowed"));
  }
  Destination destination{typed.status.pod_ip, static_cast<uint16_t>(wanted.https ? 443 : 80)};
  if (!wanted.port.empty()) {
    destination.port = static_cast<uint16_t>(std::strtoul(wanted.port.c_str(), nullptr, 10));
    return destination;
  }
  for (const auto& container : typed.spec.containers) {
    if (container.ports.empty()) continue;
    destination.port = static_cast<uint16_t>(container.ports[0].container_port);
    break;
  }
  return destination;
}

Result<Destination> ServiceDestination(const HttpContext& context, const std::string& namespace_, const ProxyName& wanted) {
  const Resource* slices = context.registry.Find(api::KindOf<api::discovery::EndpointSlice>());
  ObjectPtr service_object = context.registry.Get<api::core::Service>(namespace_, wanted.name);
  if (service_object == nullptr) return Fail(NotFoundError(api::KindOf<api::core::Service>(), wanted.name));
  // A port is named as the service names it; its endpoints have it under the same name.
  const auto& declared = service_object->As<api::core::Service>().spec.ports;
  auto port_wanted = std::ranges::find_if(declared, [&](const auto& port) {
    return wanted.port.empty() || port.name == wanted.port || std::to_string(port.port) == wanted.port;
  });
  if (port_wanted == declared.end()) {
    return Fail(Error::ServiceUnavailable("no service port \"{}\" found for service \"{}\"", wanted.port, wanted.name));
  }
  for (const ObjectPtr& object : slices->cache->List({.namespace_ = namespace_}).items) {
    const std::string* service = api::FindIn(object->head().labels, "kubernetes.io/service-name");
    if (service == nullptr || *service != wanted.name) continue;
    const auto& slice = object->As<api::discovery::EndpointSlice>();
    for (const auto& port : slice.ports) {
      if (port.name != port_wanted->name) continue;
      for (const auto& endpoint : slice.endpoints) {
        bool ready = !endpoint.conditions || endpoint.conditions->ready.value_or(true);
        if (!ready || endpoint.addresses.empty()) continue;
        return Destination{endpoint.addresses[0], static_cast<uint16_t>(port.port.value_or(0))};
      }
    }
  }
  return Fail(Error::ServiceUnavailable("no endpoints available for service \"{}\"", wanted.name));
}

// The path of this server that stands for upstream's root, without its slash.
std::string ProxyPrefix(const RequestInfo& info) {
  std::string namespace_ = info.namespace_.empty() ? "" : "/namespaces/" + info.namespace_;
  return fmt::format("/api/{}{}/{}/{}/proxy", info.version, namespace_, info.resource, info.name);
}

// Path and query upstream, as they were sent where that can be told.
std::string ProxyTarget(const Exchange& exchange, std::string_view prefix) {
  const net::Request& request = exchange.request;
  std::string target;
  if (request.path.starts_with(prefix)) {
    target = request.path.substr(prefix.size());
  } else {
    target = "/" + exchange.info().rest;
    if (request.path.ends_with('/') && !target.ends_with('/')) target += '/';
  }
  if (!target.starts_with('/')) target.insert(0, "/");
  if (!request.query.empty()) target += "?" + request.query;
  return target;
}

// Links of a page at ".../proxy" would lead beside it: its reader is sent to ".../proxy/".
std::optional<net::Response> ToTheRoot(const Exchange& exchange) {
  const net::Request& request = exchange.request;
  bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads || !exchange.info().rest.empty() || request.path.ends_with('/')) return std::nullopt;
  if (!request.headers.Get("upgrade").empty()) return std::nullopt;
  std::string query = request.query.empty() ? "" : "?" + request.query;
  net::Response response;
  response.status = 301;
  response.headers.Add("location", fmt::format("{}/{}", request.path, query));
  return response;
}

Task<Answer> HandleProxy(HttpContext* context, Exchange* exchange) {
  const RequestInfo& info = exchange->info();
  std::string prefix = ProxyPrefix(info);
  std::string target = ProxyTarget(*exchange, prefix);
  std::shared_ptr<net::Client> upstream;
  if (info.resource == "nodes") {
    CO_TRY(upstream, KubeletClient(*context, info.name));
  } else {
    ProxyName wanted = ProxyName::Parse(info.name);
    CO_TRY(Destination to, info.resource == "pods" ? PodDestination(*context, info.namespace_, wanted)
                                                   : ServiceDestination(*context, info.namespace_, wanted));
    auto scheme = wanted.https ? ProxyConnections::Scheme::kHttps : ProxyConnections::Scheme::kHttp;
    upstream = context->connections.Plain(to.host, to.port, scheme);
  }
  std::optional<net::Response> redirection = ToTheRoot(*exchange);
  if (redirection) co_return redirection;
  CO_TRY(exchange->asked->status,
         co_await Forward(&exchange->request, &exchange->writer, upstream.get(), std::move(target), std::move(prefix)));
  co_return std::optional<net::Response>();
}

}  // namespace

Task<Answer> HandleConnect(HttpContext* context, Exchange* exchange) {
  Call call = CallOf(context->core, *exchange->asked);
  CO_TRY_VOID(co_await context->registry.Admit(&call, Intent::kConnect, nullptr));
  if (exchange->info().subresource == "proxy") {
    auto answer = co_await HandleProxy(context, exchange);
    co_return answer;
  }
  bool log = exchange->info().subresource == "log";
  const std::string& method = exchange->request.method;
  if (method != "GET" && (log || method != "POST")) co_return Fail(MethodNotAllowedError());
  ObjectPtr pod = context->registry.Get<api::core::Pod>(exchange->info().namespace_, exchange->info().name);
  if (pod == nullptr) co_return Fail(NotFoundError(exchange->kind(), exchange->info().name));
  if (log) {
    auto answer = co_await HandleLog(context, exchange, std::move(pod));
    co_return answer;
  }
  auto answer = co_await HandleStreaming(context, exchange, std::move(pod));
  co_return answer;
}

}  // namespace sampan::apiserver
