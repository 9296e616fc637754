#include "apiserver/http/decode.h"

#include "api/apply/managed_fields.h"
#include "apiserver/errors.h"
#include "apiserver/gate/delete_options.h"
#include "apiserver/http/body.h"
#include "apiserver/http/encode.h"
#include "apiserver/http/encode_parts.h"
#include "async/spawn.h"

namespace sampan::apiserver {

namespace {

Result<DryRun> DryRunOf(const Exchange& exchange) {
  std::vector<std::string_view> wishes = exchange.query.All("dryRun");
  if (std::ranges::all_of(wishes, [](std::string_view wish) { return wish == "All"; })) return DryRun(!wishes.empty());
  api::Causes causes;
  json::Array shown;
  for (std::string_view wish : wishes) shown.emplace_back(wish);
  causes.NotSupported(api::Path("dryRun"), json::Value(std::move(shown)), {"All"});
  return Fail(BadOptions(exchange, std::move(causes)));
}

// A client that takes no form of the answer is told so before anything is done.
Result<void> CheckAnswer(const Exchange& exchange) {
  const Route& route = exchange.asked->route;
  // A Scale, a Binding, a review are values: they have no tables.
  const bool object = route.resource != nullptr &&
                      (route.body == route.resource->kind || (route.view != nullptr && route.body == route.view->kind));
  TRY(Negotiated form, NegotiateAccept(exchange.request.headers.Get("accept"), AllowShapes(object)));
  if (form.shape == Shape::kPartialList) {
    return Fail(WrongShape(exchange.kind(), "PartialObjectMetadataList", "not a list ({})"));
  }
  return form.shape == Shape::kTable ? CheckInclude(exchange) : Result<void>();
}

Result<WriteOptions> WriteOptionsOf(const Exchange& exchange) {
  TRY_VOID(CheckAnswer(exchange));
  WriteOptions options;
  TRY(options.dry_run, DryRunOf(exchange));
  std::string_view manager = exchange.query.Get("fieldManager");
  if (manager.empty()) {
    options.field_manager = api::ManagerFromUserAgent(exchange.request.headers.Get("user-agent"));
    return options;
  }
  api::Causes causes;
  api::ValidateFieldManager(manager, causes);
  if (!causes.empty()) return Fail(BadOptions(exchange, std::move(causes)));
  options.field_manager = manager;
  return options;
}

Result<Operation> DecodeGet(const Exchange& exchange) {
  TRY(store::Revision at_least, ParseRevision(exchange.query.Get("resourceVersion")));
  return GetOperation{at_least};
}

Result<ListRequest> ListRequestOf(const Exchange& exchange) {
  const Query& query = exchange.query;
  ListRequest request;
  TRY(request.selection,
      Selection::Parse(exchange.kind(), exchange.info().namespace_, query.Get("labelSelector"), query.Get("fieldSelector")));
  TRY(std::optional<int64_t> limit, IntegerParameter(query, "limit"));
  TRY_VOID(IntegerParameter(query, "timeoutSeconds"));  // a list takes as long as it takes
  request.limit = std::max<int64_t>(limit.value_or(0), 0);
  request.continue_token = query.Get("continue");
  request.resource_version = query.Get("resourceVersion");
  request.resource_version_match = query.Get("resourceVersionMatch");
  if (query.Has("sendInitialEvents")) {
    api::Causes causes;
    causes.Forbidden(api::Path("sendInitialEvents"), "sendInitialEvents is forbidden for list");
    return Fail(std::move(causes).ToError("meta.k8s.io", "ListOptions", ""));
  }
  return request;
}

Result<Operation> DecodeList(const Exchange& exchange) {
  TRY(ListRequest request, ListRequestOf(exchange));
  return ListOperation{std::move(request)};
}

Result<Operation> DecodeWatch(const Exchange& exchange) {
  const Query& query = exchange.query;
  const RequestInfo& info = exchange.info();
  const api::KindInfo& kind = exchange.kind();
  TRY(Negotiated form, NegotiateFor(exchange));
  if (form.shape == Shape::kTable) TRY_VOID(CheckInclude(exchange));
  TRY_VOID(IntegerParameter(query, "timeoutSeconds"));
  TRY_VOID(IntegerParameter(query, "limit"));
  WatchRequest request;
  std::string namespace_ = kind.namespaced() ? info.namespace_ : "";
  TRY(request.selection,
      Selection::Parse(kind, std::move(namespace_), query.Get("labelSelector"), query.Get("fieldSelector")));
  TRY_VOID(request.selection.RestrictToName(info.name));
  request.resource_version = query.Get("resourceVersion");
  request.resource_version_match = query.Get("resourceVersionMatch");
  if (query.Has("sendInitialEvents")) request.send_initial_events = query.Flag("sendInitialEvents");
  request.allow_bookmarks = query.Flag("allowWatchBookmarks");
  return WatchOperation{std::move(request)};
}

Result<Operation> DecodeCreate(const Exchange& exchange) {
  TRY(WriteOptions options, WriteOptionsOf(exchange));
  TRY(json::Value body, ReadObject(exchange));
  return CreateOperation{std::move(options), std::move(body)};
}

Result<Operation> DecodeUpdate(const Exchange& exchange) {
  TRY(WriteOptions options, WriteOptionsOf(exchange));
  TRY(json::Value body, ReadObject(exchange));
  return UpdateOperation{std::move(options), std::move(body)};
}

Result<client::PatchType> PatchTypeOf(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  if (type == "application/json-patch+json") return client::PatchType::kJson;
  if (type == "application/merge-patch+json") return client::PatchType::kMerge;
  if (type == "application/strategic-merge-patch+json") return client::PatchType::kStrategic;
  if (type == "application/apply-patch+yaml") return client::PatchType::kApply;
  return Fail(Error::UnsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: "
      "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, "
      "application/apply-patch+yaml"));
}

Result<Operation> DecodePatch(const Exchange& exchange) {
  TRY(WriteOptions options, WriteOptionsOf(exchange));
  PatchRequest request;
  TRY(request.type, PatchTypeOf(exchange.request.headers.Get("content-type")));
  TRY(request.strictness, StrictnessOf(exchange));
  Result<json::Value> patch = ReadValue(exchange, &request.duplicates);
  if (!patch && !patch.error().Is(Reason::kBadRequest)) return Fail(patch.error());
  if (!patch) {
    std::string_view form = request.type == client::PatchType::kApply ? "YAML" : "patch";
    return Fail(Error::BadRequest("error decoding {}: {}", form, patch.error().message()));
  }
  request.patch = *std::move(patch);
  request.force = exchange.query.Flag("force");
  api::Causes causes;
  if (request.type == client::PatchType::kApply) {
    if (exchange.query.Get("fieldManager").empty()) {
      causes.Required(api::Path("fieldManager"), "is required for apply patch");
    }
  } else if (exchange.query.Has("force")) {
    causes.Forbidden(api::Path("force"), "may not be specified for non-apply patch");
  }
  if (!causes.empty()) return Fail(BadOptions(exchange, std::move(causes)));
  return PatchOperation{std::move(options), std::move(request)};
}

// The query's delete options, in the form of a body.
Result<json::Value> DeleteOptionsInQuery(const Query& query) {
  json::Object options;
  TRY(std::optional<int64_t> grace, IntegerParameter(query, "gracePeriodSeconds"));
  if (grace) options["gracePeriodSeconds"] = *grace;
  if (query.Has("orphanDependents")) options["orphanDependents"] = query.Flag("orphanDependents");
  if (query.Has("propagationPolicy")) options["propagationPolicy"] = query.Get("propagationPolicy");
  json::Array dry_run;
  for (std::string_view wish : query.All("dryRun")) dry_run.emplace_back(wish);
  if (!dry_run.empty()) options["dryRun"] = std::move(dry_run);
  return options;
}

// A deletion of one object is limited to an instance or revision of it by these.
void AddPreconditions(const Query& query, json::Object& options) {
  json::Object preconditions;
  for (std::string_view name : {"uid", "resourceVersion"}) {
    if (!query.Get(name).empty()) preconditions[name] = query.Get(name);
  }
  if (!preconditions.empty()) options["preconditions"] = std::move(preconditions);
}

// Body and query may both have options; where both have the same one, the body's counts.
Result<DeleteOperation> DeleteOperationOf(const Exchange& exchange) {
  TRY_VOID(NegotiateAccept(exchange.request.headers.Get("accept"), AllowShapes::kYes));
  TRY(json::Value options, DeleteOptionsInQuery(exchange.query));
  if (exchange.info().verb == "delete") AddPreconditions(exchange.query, options.as_object());
  TRY(DeleteOperation operation, DecodeDeleteOptions(options));
  if (exchange.body.empty()) return operation;
  TRY_VOID(NegotiateBody(exchange.request.headers.Get("content-type")));
  TRY(json::Value body, ReadValue(exchange, nullptr));
  if (body.is_null()) return operation;
  TRY(operation, DecodeDeleteOptions(body));
  json::Object& both = options.as_object();
  for (auto& [name, value] : body.as_object()) {
    bool says = !value.is_null() && !(value.is_array() && value.get_array().empty());
    if (!says) continue;
    if (name == "propagationPolicy") both.erase("orphanDependents");
    if (name == "orphanDependents") both.erase("propagationPolicy");
    both[name] = std::move(value);
  }
  return DecodeDeleteOptions(std::move(options));
}

Result<Operation> DecodeDelete(const Exchange& exchange) {
  TRY_VOID(CheckAnswer(exchange));
  TRY(DeleteOperation operation, DeleteOperationOf(exchange));
  return operation;
}

Result<Operation> DecodeDeleteCollection(const Exchange& exchange) {
  TRY(Negotiated form, NegotiateFor(exchange));
  if (form.shape == Shape::kPartial) {
    return Fail(WrongShape(exchange.kind(), "PartialObjectMetadata", "a list ({}List)"));
  }
  DeleteCollectionOperation operation;
  TRY(operation.which, ListRequestOf(exchange));
  TRY(operation.each, DeleteOperationOf(exchange));
  return operation;
}

Result<Operation> Decode(const Exchange& exchange) {
  const std::string& verb = exchange.info().verb;
  if (verb == "get") return DecodeGet(exchange);
  if (verb == "list") return DecodeList(exchange);
  if (verb == "watch") return DecodeWatch(exchange);
  if (verb == "create") return DecodeCreate(exchange);
  if (verb == "update") return DecodeUpdate(exchange);
  if (verb == "patch") return DecodePatch(exchange);
  if (verb == "delete") return DecodeDelete(exchange);
  return DecodeDeleteCollection(exchange);
}

Task<Result<Operation>> DecodeTask(const Exchange* exchange) {
  co_return Decode(*exchange);
}

}  // namespace

Result<std::optional<Duration>> TimeLimitOf(const Query& query) {
  std::string_view text = query.Get("timeout");
  if (text.empty()) return std::optional<Duration>();
  std::optional<Duration> limit = ParseDuration(text);
  if (!limit) {
    return Fail(Error::BadRequest("invalid timeout specified in the request URL - time: invalid duration \"{}\"", text));
  }
  return limit;
}

Task<Result<void>> DecodeOperation(Exchange* exchange, size_t max_bytes, HeavyWork* heavy) {
  const RequestInfo& info = exchange->info();
  // A proxied request is of the method that its receiver takes.
  if (info.is_resource && exchange->request.method == "HEAD" && info.subresource != "proxy") {
    co_return Fail(MethodNotAllowedError());
  }
  if (exchange->asked->route.handler == nullptr) co_return Result<void>{};
  if (info.mutating()) {
    CO_TRY(exchange->body, co_await exchange->request.body->ReadAll(max_bytes, exchange->asked->user.name));
  }
  exchange->asked->heavy = exchange->body.size() > kHeavyBytes;
  Task<Result<Operation>> work = DecodeTask(exchange);
  if (exchange->asked->heavy) work = heavy->Run(HeavyWork::AccountOf(*exchange->asked), std::move(work));
  CO_TRY(exchange->asked->operation, co_await std::move(work));
  co_return Result<void>{};
}

}  // namespace sampan::apiserver
