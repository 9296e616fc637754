#include "apiserver/errors.h"
#include "apiserver/http/body.h"
#include "apiserver/http/encode.h"
#include "apiserver/http/handlers.h"
#include "apiserver/registry/operations.h"

namespace sampan::apiserver {

namespace {

Result<void> CheckPolicy(const DeleteRequest& request) {
  const std::string& policy = request.options.propagation_policy;
  auto refuse = [](std::string_view field, std::string why) {
    return Fail(Error::Invalid("DeleteOptions.meta.k8s.io \"\" is invalid: {}: {}", field, why));
  };
  if (!policy.empty() && policy != "Orphan" && policy != "Foreground" && policy != "Background") {
    return refuse(
        "propagationPolicy",
        fmt::format("Unsupported value: \"{}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"",
                    policy));
  }
  if (!policy.empty() && request.orphan_dependents) {
    return refuse("propagationPolicy",
                  fmt::format("Invalid value: \"{}\": orphanDependents and deletionPropagation cannot be both set", policy));
  }
  return {};
}

struct DeleteCall {
  DeleteRequest request;
  bool dry_run = false;
};

// The options of the body, or of the query where there is no body.
Result<DeleteCall> ReadOptions(const Exchange& exchange) {
  DeleteCall call;
  if (!exchange.body.empty()) {
    TRY(json::Value options, ReadValue(exchange, nullptr));
    if (!options.is_object()) return Fail(Error::BadRequest("the body of a deletion must be DeleteOptions"));
    TRY(call.request, ParseDeleteOptions(options));
    const json::Value* wishes = json::Find(options, "dryRun");
    if (wishes != nullptr && wishes->is_array()) {
      TRY(call.dry_run, DryRunIn(exchange, wishes->get_array()));
    }
  } else {
    TRY(call.request.options.grace_period_seconds, IntegerParameter(exchange.query, "gracePeriodSeconds"));
    call.request.options.propagation_policy = exchange.query.Get("propagationPolicy");
    if (exchange.query.Has("orphanDependents")) call.request.orphan_dependents = exchange.query.Flag("orphanDependents");
  }
  TRY(bool dry_run, DryRunOf(exchange));
  call.dry_run = call.dry_run || dry_run;
  TRY_VOID(CheckPolicy(call.request));
  return call;
}

}  // namespace

Task<Answer> HandleDelete(HttpContext* context, Exchange* exchange) {
  const api::KindInfo& kind = exchange->kind();
  if (!exchange->info.subresource.empty()) co_return Fail(MethodNotAllowedError());
  CO_TRY(DeleteCall options, ReadOptions(*exchange));
  Call call;
  call.resource = exchange->resource;
  call.view = exchange->view;
  call.user = &exchange->user;
  if (kind.namespaced()) call.namespace_ = exchange->info.namespace_;
  call.name = exchange->info.name;
  call.dry_run = options.dry_run;
  CO_TRY(Deleted deleted, co_await context->registry.Delete(&call, std::move(options.request)));
  if (!deleted.gone || exchange->resource->traits.returns_deleted) {
    co_return EncodeObject(*exchange, kind, std::move(deleted.object), 200, context->registry.clock().Now());
  }
  co_return JsonResponse(200, SuccessStatus({deleted.object->name(), kind.group, kind.resource, deleted.object->uid()}));
}

Task<Answer> HandleDeleteCollection(HttpContext* context, Exchange* exchange) {
  const Resource& resource = *exchange->resource;
  const api::KindInfo& kind = exchange->kind();
  const Query& query = exchange->query;
  bool offered = std::find(kind.verbs.begin(), kind.verbs.end(), "deletecollection") != kind.verbs.end();
  if (!offered || (kind.namespaced() && exchange->info.namespace_.empty())) co_return Fail(MethodNotAllowedError());
  CO_TRY(DeleteCall options, ReadOptions(*exchange));
  ListRequest request;
  CO_TRY(request.selection,
         Selection::Parse(kind, exchange->info.namespace_, query.Get("labelSelector"), query.Get("fieldSelector")));
  CO_TRY(std::optional<int64_t> limit, IntegerParameter(query, "limit"));
  request.limit = std::max<int64_t>(limit.value_or(0), 0);
  CO_TRY(ListPage page, co_await List(&context->registry, &resource, std::move(request)));
  for (const ObjectPtr& object : page.items) {
    Call call;
    call.resource = &resource;
    call.view = exchange->view;
    call.user = &exchange->user;
    call.namespace_ = object->namespace_();
    call.name = object->name();
    call.dry_run = options.dry_run;
    auto deleted = co_await context->registry.Delete(&call, options.request);
    if (!deleted && !deleted.error().Is(Reason::kNotFound)) co_return Fail(std::move(deleted).error());
  }
  co_return EncodeList(*exchange, kind, std::move(page), context->registry.clock().Now());
}

}  // namespace sampan::apiserver
