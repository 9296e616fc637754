#include "apiserver/errors.h"
#include "apiserver/http/body.h"
#include "apiserver/http/encode.h"
#include "apiserver/http/handlers.h"
#include "apiserver/registry/operations.h"

namespace sampan::apiserver {

namespace {

Result<Call> CallOf(const Exchange& exchange) {
  Call call;
  call.resource = exchange.resource;
  call.view = exchange.view;
  call.user = &exchange.user;
  if (exchange.resource->kind->namespaced()) call.namespace_ = exchange.info.namespace_;
  call.name = exchange.info.name;
  call.subresource = exchange.info.subresource;
  TRY(call.dry_run, DryRunOf(exchange));
  TRY(call.field_manager, FieldManagerOf(exchange));
  return call;
}

Result<net::Response> Written(HttpContext& context, const Exchange& exchange, const Call& call, ObjectPtr object,
                              int status) {
  Result<net::Response> response =
      call.subresource == "scale"
          ? EncodeValue(exchange, *api::FindKind("autoscaling/v1", "Scale"), ScaleOf(*object), status)
          : EncodeObject(exchange, call.kind(), std::move(object), status, context.registry.clock().Now());
  if (response) AddWarnings(call.warnings, *response);
  return response;
}

net::Response Success(int status) {
  return JsonResponse(status, R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201})"
                              "\n");
}

// Kinds that are answered and not stored.
Task<Answer> CreateVirtual(HttpContext* context, Exchange* exchange, std::string key, const api::KindInfo* kind) {
  auto handler = context->virtual_kinds.find(key);
  if (handler == context->virtual_kinds.end() || kind == nullptr) co_return Fail(MethodNotAllowedError());
  std::vector<std::string> warnings;
  CO_TRY(json::Value body, ReadObject(*exchange, *kind, warnings));
  VirtualCall call{&exchange->user, exchange->info.namespace_, exchange->info.name};
  CO_TRY(json::Value answer, co_await handler->second(std::move(call), std::move(body)));
  CO_TRY(net::Response response, EncodeValue(*exchange, *kind, answer, 201));
  AddWarnings(warnings, response);
  co_return response;
}

Task<Answer> CreateBinding(HttpContext* context, Exchange* exchange, Call call) {
  CO_TRY(json::Value binding, ReadObject(*exchange, *api::FindKind("v1", "Binding"), call.warnings));
  std::string_view name = json::FindString(json::Find(binding, "metadata", "name"));
  if (call.name.empty()) call.name = name;
  if (name != call.name) co_return Fail(Error::BadRequest("name in URL does not match name in Binding object"));
  auto bound = co_await BindPod(&context->registry, &call, std::move(binding));
  if (!bound) co_return Fail(std::move(bound).error());
  co_return Success(201);
}

Task<Answer> CreateSubresource(HttpContext* context, Exchange* exchange) {
  const RequestInfo& info = exchange->info;
  if (info.resource == "serviceaccounts" && info.subresource == "token") {
    const api::KindInfo* kind = api::FindKind("authentication.k8s.io/v1", "TokenRequest");
    auto answer = co_await CreateVirtual(context, exchange, "serviceaccounts/token", kind);
    co_return answer;
  }
  CO_TRY(Call call, CallOf(*exchange));
  if (info.resource == "pods" && info.subresource == "binding") {
    auto answer = co_await CreateBinding(context, exchange, std::move(call));
    co_return answer;
  }
  if (info.resource == "pods" && info.subresource == "eviction") {
    CO_TRY(json::Value eviction, ReadObject(*exchange, *api::FindKind("policy/v1", "Eviction"), call.warnings));
    if (json::FindString(json::Find(eviction, "metadata", "name")) != call.name) {
      co_return Fail(Error::BadRequest("name in URL does not match name in Eviction object"));
    }
    auto evicted = co_await EvictPod(&context->registry, &call, std::move(eviction));
    if (!evicted) co_return Fail(std::move(evicted).error());
    co_return Success(201);
  }
  co_return Fail(MethodNotAllowedError());
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

Result<PatchRequest> ReadPatch(const Exchange& exchange) {
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
  if (!causes.empty()) return Fail(std::move(causes).ToError("meta.k8s.io", "PatchOptions", ""));
  return request;
}

// What PUT and PATCH may address.
bool Updatable(const Exchange& exchange) {
  const std::string& sub = exchange.info.subresource;
  if (sub.empty()) return true;
  const auto& offered = exchange.resource->kind->subresources;
  return std::any_of(offered.begin(), offered.end(), [&](const api::KindInfo::Subresource& s) {
    return s.name == sub && std::find(s.verbs.begin(), s.verbs.end(), exchange.info.verb) != s.verbs.end();
  });
}

}  // namespace

Task<Answer> HandleCreate(HttpContext* context, Exchange* exchange) {
  const RequestInfo& info = exchange->info;
  if (exchange->resource == nullptr) {
    const api::KindInfo* kind = api::FindResource(info.group, info.version, info.resource);
    if (info.group.empty() && info.resource == "bindings") {
      exchange->resource = context->registry.Find("", "v1", "pods");
      CO_TRY(Call call, CallOf(*exchange));
      auto answer = co_await CreateBinding(context, exchange, std::move(call));
      co_return answer;
    }
    auto answer = co_await CreateVirtual(context, exchange, info.group + "/" + info.resource, kind);
    co_return answer;
  }
  if (!info.subresource.empty()) {
    auto answer = co_await CreateSubresource(context, exchange);
    co_return answer;
  }
  if (!info.name.empty()) co_return Fail(MethodNotAllowedError());
  CO_TRY(Call call, CallOf(*exchange));
  if (exchange->resource->kind->namespaced() && call.namespace_.empty()) co_return Fail(MethodNotAllowedError());
  CO_TRY(json::Value body, ReadStored(*exchange, call.warnings));
  CO_TRY(ObjectPtr created, co_await CreateObject(&context->registry, &call, std::move(body)));
  co_return Written(*context, *exchange, call, std::move(created), 201);
}

Task<Answer> HandleUpdate(HttpContext* context, Exchange* exchange) {
  if (exchange->info.name.empty() || !Updatable(*exchange)) co_return Fail(MethodNotAllowedError());
  CO_TRY(Call call, CallOf(*exchange));
  if (call.subresource == "scale") {
    CO_TRY(json::Value scale, ReadObject(*exchange, *api::FindKind("autoscaling/v1", "Scale"), call.warnings));
    CO_TRY(ObjectPtr scaled, co_await PutScale(&context->registry, &call, std::move(scale)));
    co_return Written(*context, *exchange, call, std::move(scaled), 200);
  }
  CO_TRY(json::Value body, ReadStored(*exchange, call.warnings));
  bool created = false;
  CO_TRY(ObjectPtr updated, co_await PutObject(&context->registry, &call, std::move(body), &created));
  co_return Written(*context, *exchange, call, std::move(updated), created ? 201 : 200);
}

Task<Answer> HandlePatch(HttpContext* context, Exchange* exchange) {
  if (exchange->info.name.empty() || !Updatable(*exchange)) co_return Fail(MethodNotAllowedError());
  CO_TRY(Call call, CallOf(*exchange));
  CO_TRY(PatchRequest request, ReadPatch(*exchange));
  if (call.subresource == "scale") {
    CO_TRY(ObjectPtr scaled, co_await PatchScale(&context->registry, &call, std::move(request)));
    co_return Written(*context, *exchange, call, std::move(scaled), 200);
  }
  bool created = false;
  CO_TRY(ObjectPtr patched, co_await PatchObject(&context->registry, &call, std::move(request), &created));
  co_return Written(*context, *exchange, call, std::move(patched), created ? 201 : 200);
}

}  // namespace sampan::apiserver
