#include "apiserver/errors.h"
#include "apiserver/http/encode.h"
#include "apiserver/http/handlers.h"
#include "apiserver/registry/operations.h"

namespace sampan::apiserver {

namespace {

constexpr Duration kFreshnessTimeout = std::chrono::seconds(3);

// Which subresources read as their object.
bool ReadsAsObject(std::string_view subresource) {
  return subresource.empty() || subresource == "status" || subresource == "ephemeralcontainers" || subresource == "resize";
}

// Tells how to go on without the list's own revision.
net::Response Expired(const Error& error, std::string_view token) {
  std::string status = FailureStatus(error);
  constexpr std::string_view kMetadata = "\"metadata\":{}";
  size_t at = status.find(kMetadata);
  status.replace(at, kMetadata.size(), fmt::format("\"metadata\":{{\"continue\":\"{}\"}}", InconsistentContinue(token)));
  return JsonResponse(HttpStatusOf(error.reason()), std::move(status));
}

}  // namespace

Task<Answer> HandleGet(HttpContext* context, Exchange* exchange) {
  const RequestInfo& info = exchange->info;
  const Resource& resource = *exchange->resource;
  const api::KindInfo& kind = exchange->kind();
  bool scale = info.subresource == "scale";
  if (!ReadsAsObject(info.subresource) && !scale) co_return Fail(MethodNotAllowedError());
  if (!resource.cache->IsReady()) co_return Fail(Error::ServiceUnavailable("storage is (re)initializing"));
  CO_TRY(store::Revision wanted, ParseRevision(exchange->query.Get("resourceVersion")));
  if (wanted > resource.cache->revision()) CO_TRY_VOID(co_await resource.cache->WaitFor(wanted, kFreshnessTimeout));
  std::string_view namespace_ = kind.namespaced() ? std::string_view(info.namespace_) : std::string_view();
  ObjectPtr object = resource.cache->Get(namespace_, info.name);
  if (object == nullptr) co_return Fail(NotFoundError(kind, info.name));
  if (scale) co_return EncodeValue(*exchange, *api::FindKind("autoscaling/v1", "Scale"), ScaleOf(*object), 200);
  co_return EncodeObject(*exchange, kind, std::move(object), 200, context->registry.clock().Now());
}

Task<Answer> HandleList(HttpContext* context, Exchange* exchange) {
  const api::KindInfo& kind = exchange->kind();
  const Query& query = exchange->query;
  ListRequest request;
  CO_TRY(request.selection,
         Selection::Parse(kind, exchange->info.namespace_, query.Get("labelSelector"), query.Get("fieldSelector")));
  CO_TRY(std::optional<int64_t> limit, IntegerParameter(query, "limit"));
  request.limit = std::max<int64_t>(limit.value_or(0), 0);
  request.continue_token = query.Get("continue");
  request.resource_version = query.Get("resourceVersion");
  request.resource_version_match = query.Get("resourceVersionMatch");
  CO_TRY(std::optional<int64_t> seconds, IntegerParameter(query, "timeoutSeconds"));
  (void)seconds;  // a list takes as long as it takes
  if (query.Has("sendInitialEvents")) {
    api::Causes causes;
    causes.Forbidden(api::Path("sendInitialEvents"), "sendInitialEvents is forbidden for list");
    co_return Fail(std::move(causes).ToError("meta.k8s.io", "ListOptions", ""));
  }
  std::string token = request.continue_token;
  auto listed = co_await List(&context->registry, exchange->resource, std::move(request));
  if (!listed && listed.error().Is(Reason::kExpired) && !token.empty()) co_return Expired(listed.error(), token);
  CO_TRY(ListPage page, std::move(listed));
  co_return EncodeList(*exchange, kind, std::move(page), context->registry.clock().Now());
}

}  // namespace sampan::apiserver
