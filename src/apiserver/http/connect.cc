#include "api/types/core.h"
#include "api/types/discovery.h"
#include "apiserver/errors.h"
#include "apiserver/gate/handlers.h"
#include "apiserver/http/handlers.h"
#include "apiserver/http/watch_sink.h"
#include "apiserver/proxy/destination.h"
#include "apiserver/proxy/forward.h"
#include "apiserver/proxy/kubelet_target.h"
#include "apiserver/proxy/proxy_target.h"
#include "async/contain.h"
#include "net/relay.h"

namespace sampan::apiserver {

namespace {

ServerPlace PlaceOf(const HttpContext& context) {
  return {OwnAddresses(), context.options.advertise_address, context.options.secure_port};
}

Result<ObjectPtr> FindNode(const HttpContext& context, std::string_view name) {
  ObjectPtr node = context.registry.Get<api::core::Node>("", name);
  if (node == nullptr) return Fail(NotFoundError(api::KindOf<api::core::Node>(), name));
  return node;
}

Result<std::shared_ptr<net::Client>> KubeletClient(HttpContext& context, std::string_view node_name) {
  TRY(ObjectPtr node, FindNode(context, node_name));
  TRY(Destination kubelet, KubeletOf(*node, PlaceOf(context)));
  return context.connections.Kubelet(kubelet.host(), kubelet.port, node->name());
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

std::shared_ptr<net::Client> PlainClient(HttpContext& context, const Destination& to, ProxyName::Scheme scheme) {
  bool https = scheme == ProxyName::Scheme::kHttps;
  return context.connections.Plain(to.host(), to.port,
                                   https ? ProxyConnections::Scheme::kHttps : ProxyConnections::Scheme::kHttp);
}

Result<std::shared_ptr<net::Client>> PodClient(HttpContext& context, const RequestInfo& info) {
  TRY(ProxyName wanted, ProxyName::Parse("pod", info.name));
  ObjectPtr pod = context.registry.Get<api::core::Pod>(info.namespace_, wanted.name);
  if (pod == nullptr) return Fail(NotFoundError(api::KindOf<api::core::Pod>(), wanted.name));
  TRY(Destination to, PodDestination(*pod, wanted, PlaceOf(context)));
  return PlainClient(context, to, wanted.scheme);
}

Result<std::shared_ptr<net::Client>> ServiceClient(HttpContext& context, const RequestInfo& info) {
  TRY(ProxyName wanted, ProxyName::Parse("service", info.name));
  ObjectPtr service = context.registry.Get<api::core::Service>(info.namespace_, wanted.name);
  if (service == nullptr) return Fail(NotFoundError(api::KindOf<api::core::Service>(), wanted.name));
  const Resource* slices = context.registry.Find(api::KindOf<api::discovery::EndpointSlice>());
  ServiceEndpoints endpoints{
      *service, slices->cache->List({.namespace_ = info.namespace_}).items,
      [&](std::string_view pod) { return context.registry.Get<api::core::Pod>(info.namespace_, pod); }};
  TRY(Destination to, ServiceDestination(endpoints, wanted, PlaceOf(context)));
  return PlainClient(context, to, wanted.scheme);
}

Result<std::shared_ptr<net::Client>> NodeClient(HttpContext& context, const RequestInfo& info) {
  TRY(ProxyName wanted, ProxyName::Parse("node", info.name));
  TRY(ObjectPtr node, FindNode(context, wanted.name));
  if (wanted.port.empty()) return KubeletClient(context, wanted.name);
  TRY(Destination kubelet, KubeletOf(*node, PlaceOf(context)));
  if (wanted.port == std::to_string(kubelet.port)) return KubeletClient(context, wanted.name);
  TRY(Destination to, NodeDestination(*node, wanted));
  return PlainClient(context, to, wanted.scheme);
}

Result<std::shared_ptr<net::Client>> UpstreamOf(HttpContext& context, const RequestInfo& info) {
  if (info.resource == "nodes") return NodeClient(context, info);
  return info.resource == "pods" ? PodClient(context, info) : ServiceClient(context, info);
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
  std::string target = ProxyTarget(exchange->request.path, exchange->request.query, info);
  CO_TRY(std::shared_ptr<net::Client> upstream, UpstreamOf(*context, info));
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
