#include "apiserver/http/dispatch.h"

#include "apiserver/errors.h"
#include "apiserver/http/encode.h"
#include "apiserver/http/handlers.h"

namespace sampan::apiserver {

namespace {

// A place among the requests in flight; empty when there is none left.
class Place {
 public:
  Place() = default;
  Place(std::atomic<int64_t>& count, size_t limit, const Exchange& exchange) {
    bool privileged = exchange.user.InGroup(auth::kMastersGroup);
    if (count.fetch_add(1, std::memory_order_relaxed) >= static_cast<int64_t>(limit) && !privileged) {
      count.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    count_ = &count;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    if (count_ != nullptr) count_->fetch_sub(1, std::memory_order_relaxed);
  }
  bool Granted() const { return count_ != nullptr; }

 private:
  std::atomic<int64_t>* count_ = nullptr;
};

std::atomic<int64_t>& CounterOf(HttpContext& context, const RequestInfo& info) {
  if (info.long_running()) return context.metrics.watches;
  return info.mutating() ? context.metrics.mutating_in_flight : context.metrics.readonly_in_flight;
}

size_t LimitOf(const HttpContext& context, const RequestInfo& info) {
  if (info.long_running()) return context.options.max_watches;
  return info.mutating() ? context.options.max_mutating_in_flight : context.options.max_readonly_in_flight;
}

Task<Result<void>> Authenticate(HttpContext* context, Exchange* exchange) {
  auto user = co_await context->authenticator.Authenticate(exchange->request);
  if (!user) co_return Fail(std::move(user).error());
  CO_TRY(exchange->user, auth::Impersonate(exchange->request, *std::move(user), context->authorizer));
  co_return Result<void>{};
}

// Whether the path addresses the kind in the scope it has. Without this a right to everything in one namespace would
// open kinds of the whole cluster under /namespaces/<name>/.
bool ScopeFits(const api::KindInfo& kind, const RequestInfo& info) {
  // A list or watch over all namespaces may pin a name with its field selector.
  bool collection = info.name.empty() || info.fields.RequiredValue("metadata.name") != nullptr;
  if (kind.namespaced()) return !info.namespace_.empty() || collection;
  bool itself = info.resource == "namespaces" && kind.group.empty() && info.name == info.namespace_;
  return info.namespace_.empty() || itself;
}

// kubectl asks which kinds were added to the server before it calls a manifest's kind unknown. None are: kinds are built in.
bool AsksForAddedKinds(const RequestInfo& info) {
  return info.verb == "list" && info.resource == "customresourcedefinitions" && info.group == "apiextensions.k8s.io" &&
         info.version == "v1";
}

net::Response NoAddedKinds() {
  return JsonResponse(200, R"({"kind":"CustomResourceDefinitionList","apiVersion":"apiextensions.k8s.io/v1",)"
                           R"("metadata":{},"items":[]})"
                           "\n");
}

bool HasSubresource(const api::KindInfo& kind, const std::string& name) {
  return name.empty() || std::any_of(kind.subresources.begin(), kind.subresources.end(),
                                     [&](const api::KindInfo::Subresource& sub) { return sub.name == name; });
}

Task<Answer> Route(HttpContext* context, Exchange* exchange) {
  const RequestInfo& info = exchange->info;
  if (!info.is_resource) {
    std::optional<Answer> answer = HandleMeta(context, exchange);
    if (answer) co_return *std::move(answer);
    co_return TextResponse(404, "404 page not found\n");
  }
  if (AsksForAddedKinds(info)) co_return NoAddedKinds();
  const api::KindInfo* kind = api::FindResource(info.group, info.version, info.resource);
  bool exists = kind != nullptr && ScopeFits(*kind, info) && HasSubresource(*kind, info.subresource);
  if (!exists) co_return Fail(UnknownResourceError());
  // A proxied request is of the method that its receiver takes.
  if (exchange->request.method == "HEAD" && info.subresource != "proxy") co_return Fail(MethodNotAllowedError());
  exchange->view = FindView(*kind);
  exchange->resource = context->registry.Find(exchange->view == nullptr ? *kind : *exchange->view->stored);
  if (exchange->resource != nullptr && IsConnect(*exchange)) {
    auto answer = co_await HandleConnect(context, exchange);
    co_return answer;
  }
  Task<Answer> (*handler)(HttpContext*, Exchange*) = nullptr;
  if (info.verb == "get") handler = &HandleGet;
  if (info.verb == "list") handler = &HandleList;
  if (info.verb == "watch") handler = &HandleWatch;
  if (info.verb == "create") handler = &HandleCreate;
  if (info.verb == "update") handler = &HandleUpdate;
  if (info.verb == "patch") handler = &HandlePatch;
  if (info.verb == "delete") handler = &HandleDelete;
  if (info.verb == "deletecollection") handler = &HandleDeleteCollection;
  bool stored = exchange->resource != nullptr || info.verb == "create";
  if (handler == nullptr || !stored) co_return Fail(MethodNotAllowedError());
  if (info.mutating()) {
    size_t limit = context->options.max_request_bytes;
    CO_TRY(exchange->body, co_await exchange->request.body->ReadAll(limit, exchange->user.name));
  }
  auto answer = co_await handler(context, exchange);
  co_return answer;
}

// Everything between the parsed path and the answer.
Task<Answer> Serve(HttpContext* context, Exchange* exchange) {
  if (context->stopping.load(std::memory_order_relaxed)) {
    co_return Fail(Error::ServiceUnavailable("the server is shutting down"));
  }
  CO_TRY_VOID(co_await Authenticate(context, exchange));
  Place place(CounterOf(*context, exchange->info), LimitOf(*context, exchange->info), *exchange);
  if (!place.Granted()) {
    context->metrics.refused.fetch_add(1, std::memory_order_relaxed);
    co_return Fail(TooManyRequestsError());
  }
  CO_TRY_VOID(auth::Require(context->authorizer, AttributesOf(*exchange)));
  auto answer = co_await Route(context, exchange);
  co_return answer;
}

Result<void> Parse(Exchange& exchange) {
  TRY(exchange.query, Query::Parse(exchange.request.query));
  TRY(exchange.info, ParseRequestInfo(exchange.request.method, exchange.request.path, exchange.query));
  return {};
}

// A request that lasts as long as its client likes is also `gone` when the server ends its streams. It learns of that, as
// of a client's end, on the connection's executor.
CancelToken::Subscription EndWithStreams(const HttpContext& context, net::Request& request, Executor& executor) {
  auto ended = std::make_shared<CancelSource>(request.gone);
  request.gone = ended->token();
  return context.streams.token().OnCancel([ended, &executor] { executor.Post([ended] { ended->Cancel(); }); });
}

constexpr std::string_view kEndpointsDeprecated =
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";

bool IsDeprecated(const Exchange& exchange) {
  return exchange.info.is_resource && exchange.info.resource == "endpoints" && exchange.info.group.empty();
}

// The name by which the client and others find a request again: its own, or one made here.
std::string AuditIdOf(const HttpContext& context, const net::Request& request) {
  constexpr size_t kMaxAuditId = 64;
  std::string_view sent = request.headers.Get("audit-id");
  return sent.empty() || sent.size() > kMaxAuditId ? context.registry.rng().Uuid() : std::string(sent);
}

Task<void> Send(Exchange* exchange, net::Response response) {
  exchange->status = response.status;
  response.headers.Add("audit-id", exchange->audit_id);
  if (exchange->request.method == "HEAD") response.body.clear();
  auto sent = co_await exchange->writer.Respond(std::move(response));
  (void)sent;  // the client is gone: there is nobody to tell
}

}  // namespace

Task<void> Dispatch(HttpContext* context, net::Request* request, net::ResponseWriter* writer) {
  MonoTime begun = context->registry.clock().Monotonic();
  Exchange exchange{*request, *writer, {}, {}, {}, nullptr, nullptr, 0, AuditIdOf(*context, *request), {}};
  Result<void> parsed = Parse(exchange);
  if (!parsed) {
    co_await Send(&exchange, EncodeError(exchange, parsed.error()));
    co_return;
  }
  if (std::optional<net::Response> health = HandleHealth(context, exchange)) {
    co_await Send(&exchange, *std::move(health));
    co_return;
  }
  CancelToken::Subscription draining;
  if (exchange.info.long_running()) {
    Executor& executor = co_await ThisExecutor();
    draining = EndWithStreams(*context, *request, executor);
  }
  auto answer = co_await Serve(context, &exchange);
  if (!answer) {
    net::Response failure = EncodeError(exchange, answer.error());
    if (IsDeprecated(exchange)) AddWarnings({std::string(kEndpointsDeprecated)}, failure);
    co_await Send(&exchange, std::move(failure));
  } else if (*answer) {
    if (IsDeprecated(exchange)) AddWarnings({std::string(kEndpointsDeprecated)}, **answer);
    co_await Compress(&exchange, &**answer);
    co_await Send(&exchange, **std::move(answer));
  }
  Duration took = context->registry.clock().Monotonic() - begun;
  context->metrics.Observe(exchange.resource, exchange.info.verb, exchange.status, took);
}

}  // namespace sampan::apiserver
