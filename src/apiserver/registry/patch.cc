#include "codec/patch.h"
#include "api/apply/managed_fields.h"
#include "api/merge/strategic.h"
#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/operations.h"
#include "apiserver/registry/sent_metadata.h"

namespace sampan::apiserver {

namespace {

// Between the stored form and the one that the client writes in.
json::Value Shown(const Call& call, const json::Value& stored) {
  return call.view == nullptr ? stored : call.view->from_stored(stored);
}
json::Value Kept(const Call& call, json::Value published) {
  return call.view == nullptr ? std::move(published) : call.view->to_stored(published);
}

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

// A patch may not move an object.
Result<void> CheckPlaceKept(const Call& call, const json::Value& patched) {
  TRY_VOID(CheckSentNamespace(call, patched));
  return CheckSentName(call, patched);
}

// Decodes what a patch made. Warnings of an attempt that is repeated are not reported twice.
Result<json::Value> DecodePatched(Call& call, const api::KindInfo& kind, json::Value patched, const PatchRequest& request) {
  call.warnings.clear();
  api::DecodeOptions options;
  options.strictness = request.strictness;
  options.warnings = &call.warnings;
  options.duplicates = &request.duplicates;
  return api::DecodeObject(kind, std::move(patched), options);
}

// A patch that makes something other than an object of the kind: the fault is the patch's.
Error BadPatch(const json::Value& patch, const Error& decoding) {
  constexpr std::string_view kPrefix = "cannot be handled as a ";
  std::string_view why = decoding.message();
  size_t at = why.find(kPrefix);
  size_t colon = at == std::string_view::npos ? at : why.find(": ", at);
  if (colon != std::string_view::npos) why.remove_prefix(colon + 2);
  api::Causes causes;
  causes.Invalid(api::Path("patch"), json::Serialize(patch), why);
  return std::move(causes).ToError("", "", "");
}

// The configuration of server-side apply names what it is, and has no field that the kind does not declare.
Result<json::Value> DecodeApplied(Call& call, const api::KindInfo& kind, PatchRequest& request) {
  if (!request.patch.is_object()) return Fail(Error::BadRequest("error decoding YAML: the patch is no object"));
  std::string_view version = json::FindString(json::Find(request.patch, "apiVersion"));
  std::string_view name = json::FindString(json::Find(request.patch, "kind"));
  if (version != kind.ApiVersion() || name != kind.kind) {
    std::string group_version(version.find('/') == std::string_view::npos ? fmt::format("/{}", version) : version);
    return Fail(Error::BadRequest("invalid object type: {}, Kind={}", group_version, name));
  }
  auto typed = [&](std::string_view what) {
    const json::Value* metadata = json::Find(request.patch, "metadata");
    std::string_view namespace_ = metadata == nullptr ? "" : json::FindString(json::Find(*metadata, "namespace"));
    return Fail(Error::InternalError("failed to create typed patch object ({}/{}; {}, Kind={}): .{}", namespace_,
                                     NameOf(request.patch), kind.ApiVersion(), kind.kind, what));
  };
  if (request.strictness == api::Strictness::kStrict && !request.duplicates.empty()) {
    return Fail(Error::BadRequest("error decoding YAML: duplicate field \"{}\"", request.duplicates[0]));
  }
  std::vector<std::string> unknown;
  Result<json::Value> known = api::Canonicalize(*kind.type, request.patch, &unknown);
  if (!unknown.empty()) return typed(fmt::format("{}: field not declared in schema", unknown[0]));
  return DecodePatched(call, kind, std::move(request.patch), request);
}

Task<Result<ObjectPtr>> ApplyObject(Registry* registry, Call* call, PatchRequest request, bool* created) {
  const api::KindInfo& kind = call->kind();
  CO_TRY(json::Value config, DecodeApplied(*call, kind, request));
  CO_TRY_VOID(CheckPlaceKept(*call, config));
  std::vector<std::string> warnings = call->warnings;
  call->track_managers = false;
  api::ApplyForce force = request.force ? api::ApplyForce::kYes : api::ApplyForce::kNo;
  Mutate mutate = [&](const json::Value& stored, const api::Object&) -> Result<json::Value> {
    api::FieldManager manager{call->field_manager, call->subresource, registry->clock().Now()};
    TRY(json::Value applied, api::Apply(kind, manager, force, Shown(*call, stored), config));
    return Kept(*call, std::move(applied));
  };
  for (int attempt = 0;; ++attempt) {
    call->warnings = warnings;
    auto updated = co_await registry->Update(call, &mutate);
    if (updated || !updated.error().Is(Reason::kNotFound) || !call->subresource.empty() || attempt == 3) co_return updated;
    std::string_view uid = json::FindString(json::Find(config, "metadata", "uid"));
    if (!uid.empty()) {
      co_return Fail(ConflictError(
          kind, call->name,
          fmt::format("uid mismatch: the provided object specified uid {}, and no existing object was found", uid)));
    }
    api::FieldManager manager{call->field_manager, call->subresource, registry->clock().Now()};
    CO_TRY(json::Value object, api::Apply(kind, manager, force, json::Value(), config));
    auto made = co_await CreateByChange(registry, call, Kept(*call, std::move(object)));
    *created = made.has_value();
    if (made || !made.error().Is(Reason::kAlreadyExists)) co_return made;
  }
}

// The Scale is what the client has written, so the faults are the Scale's.
Result<void> CheckScale(const Call& call, const json::Value& scale) {
  if (!NameOf(scale).empty()) TRY_VOID(CheckSentName(call, scale));
  TRY_VOID(CheckSentNamespace(call, scale));
  const json::Value* replicas = json::Find(scale, "spec", "replicas");
  if (FindInt(replicas).value_or(0) >= 0) return {};
  api::Causes causes;
  api::Path spec("spec");
  causes.Invalid(api::Path(spec, "replicas"), *replicas, "must be greater than or equal to 0");
  return Fail(std::move(causes).ToError("autoscaling", "Scale", call.name));
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
  const api::KindInfo& kind = call->kind();
  Mutate mutate = [&](const json::Value& stored, const api::Object&) -> Result<json::Value> {
    TRY(json::Value patched, Patched(kind, Shown(*call, stored), request));
    TRY_VOID(CheckPlaceKept(*call, patched));
    json::Value shown = request.type == client::PatchType::kStrategic ? request.patch : patched;
    Result<json::Value> object = DecodePatched(*call, kind, std::move(patched), request);
    if (!object) return Fail(BadPatch(shown, object.error()));
    return Kept(*call, *std::move(object));
  };
  auto updated = co_await registry->Update(call, &mutate);
  co_return updated;
}

Task<Result<ObjectPtr>> PutScale(Registry* registry, Call* call, json::Value scale) {
  CO_TRY_VOID(CheckScale(*call, scale));
  Mutate mutate = [&](const json::Value& stored, const api::Object& current) -> Result<json::Value> {
    TRY_VOID(CheckSentUid(*call, scale, current.uid()));
    return Scaled(stored, scale);
  };
  auto updated = co_await registry->Update(call, &mutate);
  co_return updated;
}

Task<Result<ObjectPtr>> PatchScale(Registry* registry, Call* call, PatchRequest request) {
  const api::KindInfo* kind = api::FindKind("autoscaling/v1", "Scale");
  if (request.type == client::PatchType::kApply) request.type = client::PatchType::kMerge;
  Mutate mutate = [&](const json::Value& stored, const api::Object& object) -> Result<json::Value> {
    TRY(json::Value patched, Patched(*kind, ScaleOf(object), request));
    TRY(json::Value scale, DecodePatched(*call, *kind, std::move(patched), request));
    TRY_VOID(CheckScale(*call, scale));
    return Scaled(stored, scale);
  };
  auto updated = co_await registry->Update(call, &mutate);
  co_return updated;
}

}  // namespace sampan::apiserver
