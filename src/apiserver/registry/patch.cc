#include "codec/patch.h"
#include "api/apply/managed_fields.h"
#include "api/merge/strategic.h"
#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/operations.h"

namespace sampan::apiserver {

namespace {

Result<json::Value> Patched(const api::KindInfo& kind, const json::Value& stored, const PatchRequest& request) {
  json::Value document = stored;
  switch (request.type) {
    case client::PatchType::kJson:
      TRY_VOID(json::ApplyJsonPatch(document, request.patch));
      return document;
    case client::PatchType::kMerge:
      if (!request.patch.is_object()) return Fail(Error::BadRequest("a merge patch must be a JSON object"));
      json::ApplyMergePatch(document, request.patch);
      return document;
    case client::PatchType::kStrategic:
      if (!request.patch.is_object()) return Fail(Error::BadRequest("a strategic merge patch must be a JSON object"));
      TRY_VOID(api::ApplyStrategicMergePatch(*kind.type, document, request.patch));
      return document;
    case client::PatchType::kApply:
      break;
  }
  return Fail(Error::UnsupportedMediaType("server-side apply is not a patch of a document"));
}

Result<void> CheckNameKept(const Call& call, const json::Value& patched) {
  if (NameOf(patched) == call.name) return {};
  return Fail(
      Error::BadRequest("the name of the object ({}) does not match the name on the URL ({})", NameOf(patched), call.name));
}

// Decodes what a patch made. Warnings of an attempt that is repeated are not reported twice.
Result<json::Value> DecodePatched(Call& call, const api::KindInfo& kind, json::Value patched, api::Strictness strictness) {
  call.warnings.clear();
  api::DecodeOptions options;
  options.strictness = strictness;
  options.warnings = &call.warnings;
  return api::DecodeObject(kind, std::move(patched), options);
}

Task<Result<ObjectPtr>> ApplyObject(Registry* registry, Call* call, PatchRequest request, bool* created) {
  const api::KindInfo& kind = *call->resource->kind;
  CO_TRY(json::Value config, DecodePatched(*call, kind, std::move(request.patch), request.strictness));
  if (NameOf(config).empty()) MetadataOf(config)["name"] = call->name;
  CO_TRY_VOID(CheckNameKept(*call, config));
  std::vector<std::string> warnings = call->warnings;
  call->track_managers = false;
  api::ApplyForce force = request.force ? api::ApplyForce::kYes : api::ApplyForce::kNo;
  Mutate mutate = [&](const json::Value& stored, const api::Object&) -> Result<json::Value> {
    api::FieldManager manager{call->field_manager, call->subresource, registry->clock().Now()};
    return api::Apply(kind, manager, force, stored, config);
  };
  for (int attempt = 0;; ++attempt) {
    call->warnings = warnings;
    auto updated = co_await registry->Update(call, &mutate);
    if (updated || !updated.error().Is(Reason::kNotFound) || !call->subresource.empty() || attempt == 3) co_return updated;
    if (!json::FindString(json::Find(config, "metadata", "uid")).empty()) co_return updated;
    api::FieldManager manager{call->field_manager, call->subresource, registry->clock().Now()};
    CO_TRY(json::Value object, api::Apply(kind, manager, force, json::Value(), config));
    auto made = co_await CreateObject(registry, call, std::move(object));
    *created = made.has_value();
    if (made || !made.error().Is(Reason::kAlreadyExists)) co_return made;
  }
}

int64_t ReplicasOf(const json::Value& scale) {
  return FindInt(json::Find(scale, "spec", "replicas")).value_or(0);
}

// The Scale's wish as a change of its object.
Result<json::Value> Scaled(const json::Value& stored, const json::Value& scale) {
  json::Value object = stored;
  ObjectAt(object, "spec")["replicas"] = ReplicasOf(scale);
  std::string_view revision = json::FindString(json::Find(scale, "metadata", "resourceVersion"));
  if (!revision.empty()) MetadataOf(object)["resourceVersion"] = revision;
  return object;
}

}  // namespace

Task<Result<ObjectPtr>> PatchObject(Registry* registry, Call* call, PatchRequest request, bool* created) {
  if (request.type == client::PatchType::kApply) {
    auto applied = co_await ApplyObject(registry, call, std::move(request), created);
    co_return applied;
  }
  const api::KindInfo& kind = *call->resource->kind;
  Mutate mutate = [&](const json::Value& stored, const api::Object&) -> Result<json::Value> {
    TRY(json::Value patched, Patched(kind, stored, request));
    TRY_VOID(CheckNameKept(*call, patched));
    return DecodePatched(*call, kind, std::move(patched), request.strictness);
  };
  auto updated = co_await registry->Update(call, &mutate);
  co_return updated;
}

Task<Result<ObjectPtr>> PutScale(Registry* registry, Call* call, json::Value scale) {
  Mutate mutate = [&scale](const json::Value& stored, const api::Object&) { return Scaled(stored, scale); };
  auto updated = co_await registry->Update(call, &mutate);
  co_return updated;
}

Task<Result<ObjectPtr>> PatchScale(Registry* registry, Call* call, PatchRequest request) {
  const api::KindInfo* kind = api::FindKind("autoscaling/v1", "Scale");
  if (request.type == client::PatchType::kApply) request.type = client::PatchType::kMerge;
  Mutate mutate = [&](const json::Value& stored, const api::Object& object) -> Result<json::Value> {
    TRY(json::Value patched, Patched(*kind, ScaleOf(object), request));
    TRY(json::Value scale, DecodePatched(*call, *kind, std::move(patched), request.strictness));
    return Scaled(stored, scale);
  };
  auto updated = co_await registry->Update(call, &mutate);
  co_return updated;
}

}  // namespace sampan::apiserver
