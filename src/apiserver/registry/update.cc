#include "api/apply/managed_fields.h"
#include "api/defaults/defaults.h"
#include "api/validation/validation.h"
#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/registry.h"
#include "store/keys.h"

namespace sampan::apiserver {

namespace {

constexpr int kAttempts = 6;

// A client that names a revision or an instance means exactly that one.
Result<void> CheckPreconditions(const Call& call, const api::Object& current, const json::Value& object) {
  const api::KindInfo& kind = call.kind();
  std::string_view revision = json::FindString(json::Find(object, "metadata", "resourceVersion"));
  std::string_view uid = json::FindString(json::Find(object, "metadata", "uid"));
  if (!uid.empty() && uid != current.uid()) {
    api::Causes causes;
    api::Path metadata("metadata");
    causes.Invalid(api::Path(metadata, "uid"), uid, "field is immutable");
    return Fail(std::move(causes).ToError(kind.group, kind.kind, call.name));
  }
  if (!revision.empty() && revision != "0") {
    if (revision != std::to_string(current.revision())) return Fail(ModifiedError(kind, call.name));
    return {};
  }
  if (call.resource->traits.unconditional_update) return {};
  api::Causes causes;
  api::Path metadata("metadata");
  causes.Invalid(api::Path(metadata, "resourceVersion"), 0, "must be specified for an update");
  return Fail(std::move(causes).ToError(kind.group, kind.resource, call.name));
}

bool IsTypeOrMetadata(std::string_view key) {
  return key == "metadata" || key == "kind" || key == "apiVersion";
}

// Takes over from `old` what the status subresource does not carry.
void KeepAllButStatus(json::Value& object, const json::Value& old) {
  json::Value kept = old;
  CopyMember(kept, object, "status");
  CopyMember(kept, object, "metadata");
  object = std::move(kept);
}

bool SpecChanged(const json::Value& object, const json::Value& old) {
  auto counts = [](std::string_view key) { return key != "status" && !IsTypeOrMetadata(key); };
  for (const auto& [key, value] : object.as_object()) {
    if (counts(key) && !SameMember(object, old, key)) return true;
  }
  for (const auto& [key, value] : old.as_object()) {
    if (counts(key) && !object.as_object().contains(key)) return true;
  }
  return false;
}

void CheckNewFinalizers(const json::Value& object, const json::Value& old, api::Causes& causes) {
  if (json::Find(old, "metadata", "deletionTimestamp") == nullptr) return;
  const json::Array* before = FindArray(json::Find(old, "metadata", "finalizers"));
  const json::Array* after = FindArray(json::Find(object, "metadata", "finalizers"));
  if (after == nullptr) return;
  std::unordered_set<std::string_view> known;
  if (before != nullptr) {
    for (const json::Value& finalizer : *before) known.insert(json::FindString(&finalizer));
  }
  for (const json::Value& finalizer : *after) {
    if (known.contains(json::FindString(&finalizer))) continue;
    api::Path metadata("metadata");
    causes.Forbidden(api::Path(metadata, "finalizers"),
                     fmt::format("no new finalizers can be added if the object is being deleted, found new finalizers "
                                 "[]string{{{}}}",
                                 json::Serialize(finalizer)));
  }
}

// Ownership is recorded in the form the client writes in.
void TrackChange(const Call& call, WallTime now, const json::Value& old, json::Value& object) {
  api::FieldManager manager{call.field_manager, call.subresource, now};
  if (call.view == nullptr) return api::TrackUpdate(*call.resource->kind, manager, old, object);
  json::Value published = call.view->from_stored(object);
  api::TrackUpdate(*call.view->kind, manager, call.view->from_stored(old), published);
  object = call.view->to_stored(published);
}

bool NothingHoldsBack(const Resource& resource, const json::Value& object) {
  if (json::Find(object, "metadata", "deletionTimestamp") == nullptr) return false;
  const json::Array* finalizers = FindArray(json::Find(object, "metadata", "finalizers"));
  if (finalizers != nullptr && !finalizers->empty()) return false;
  std::optional<int64_t> grace = FindInt(json::Find(object, "metadata", "deletionGracePeriodSeconds"));
  return grace.value_or(0) == 0 && !resource.strategy->HeldBack(object);
}

}  // namespace

Task<Result<ObjectPtr>> Registry::Update(Call* call, const Mutate* mutate) {
  for (int attempt = 1;; ++attempt) {
    ObjectPtr current = call->resource->cache->Get(call->namespace_, call->name);
    if (current == nullptr) co_return Fail(NotFoundError(call->kind(), call->name));
    json::Value old = current->Parse();
    CO_TRY(json::Value object, (*mutate)(old, *current));
    auto updated = co_await TryUpdate(call, current, std::move(old), std::move(object));
    if (updated) co_return updated;
    // Only the store's own refusal, which has no details, is worth another attempt.
    bool lost = updated.error().Is(Reason::kConflict) && updated.error().details() == nullptr;
    if (!lost && !updated.error().Is(Reason::kNotFound)) co_return Fail(std::move(updated).error());
    if (attempt == kAttempts) co_return Fail(ModifiedError(call->kind(), call->name));
    co_await CatchUp(call);
  }
}

Task<Result<ObjectPtr>> Registry::Rewrite(Call* call, const Edit* edit) {
  for (int attempt = 1;; ++attempt) {
    ObjectPtr current = call->resource->cache->Get(call->namespace_, call->name);
    if (current == nullptr) co_return Fail(NotFoundError(call->kind(), call->name));
    // The document lives in one arena and is given up as a whole.
    boost::json::monotonic_resource arena(current->bytes().size() * 4);
    boost::json::parse_options options;
    options.max_depth = api::kMaxStoredDepth;
    boost::system::error_code error;
    json::Value document = boost::json::parse(current->bytes(), error, &arena, options);
    if (error)
      co_return Fail(Error::InternalError("stored {} \"{}\" is malformed", call->resource->kind->resource, call->name));
    CO_TRY_VOID((*edit)(document));
    if (call->dry_run) co_return api::Object::FromValue(json::Value(document, {}), current->revision());
    auto stored = co_await Store(call, std::move(current), std::move(document), WriteOf::kServer);
    if (stored || attempt == kAttempts || !stored.error().Is(Reason::kConflict)) co_return stored;
    co_await CatchUp(call);
  }
}

Result<void> Registry::PrepareUpdate(const Call& call, WriteContext& context, json::Value& object,
                                     const json::Value& old) const {
  const Resource& resource = *call.resource;
  json::Object& metadata = MetadataOf(object);
  metadata["name"] = call.name;
  if (resource.kind->namespaced()) metadata["namespace"] = call.namespace_;
  metadata.erase("selfLink");
  if (call.subresource == "status") {
    KeepAllButStatus(object, old);
  } else if (resource.traits.status) {
    CopyMember(object, old, "status");
  }
  api::PrepareUpdateMeta(object, old);
  CopyMember(object.as_object()["metadata"], old.as_object().at("metadata"), "resourceVersion");
  TRY_VOID(resource.strategy->PrepareForUpdate(context, object, old));
  if (resource.traits.generation && SpecChanged(object, old)) {
    MetadataOf(object)["generation"] = FindInt(json::Find(old, "metadata", "generation")).value_or(0) + 1;
  }
  return {};
}

Result<void> Registry::Check(const Call& call, WriteContext& context, json::Value& object, const json::Value& old) const {
  const api::KindInfo& kind = *call.resource->kind;
  TRY_VOID(PrepareUpdate(call, context, object, old));
  api::Causes causes;
  CheckNewFinalizers(object, old, causes);
  if (call.subresource == "status") {
    api::ValidateStatusUpdate(kind, object, old, causes);
  } else {
    api::ValidateUpdate(call.kind(), object, old, causes, call.subresource);
  }
  call.resource->strategy->Validate(context, object, &old, causes);
  if (!causes.empty()) return Fail(std::move(causes).ToError(kind.group, kind.kind, call.name));
  return {};
}

// From what is wanted to what is stored: both phases of admission with strategy and validation between them.
Task<Result<void>> Registry::Prepare(Call* call, WriteContext* context, json::Value* object, const json::Value* old) const {
  api::ApplyDefaults(*call->resource->kind, *object);
  CO_TRY_VOID(co_await RunMutating(context, object, old));
  CO_TRY_VOID(Check(*call, *context, *object, *old));
  CO_TRY_VOID(call->resource->strategy->BeforeStore(*context, *object, old));
  CO_TRY_VOID(co_await RunValidating(context, object, old));
  co_return Result<void>{};
}

Task<Result<ObjectPtr>> Registry::TryUpdate(Call* call, ObjectPtr current, json::Value old, json::Value object) {
  const Resource& resource = *call->resource;
  CO_TRY_VOID(CheckPreconditions(*call, *current, object));
  std::unique_ptr<WriteContext> owned = Context(*call, Intent::kUpdate);
  WriteContext& context = *owned;
  CO_TRY_VOID(co_await Prepare(call, &context, &object, &old));
  if (call->track_managers) TrackChange(*call, context.now, old, object);
  call->warnings.insert(call->warnings.end(), context.warnings.begin(), context.warnings.end());

  if (json::Equal(old, object)) co_return current;
  if (call->dry_run) {
    CO_TRY_VOID(StoredText(object, WriteOf::kClient));
    co_return api::Object::FromValue(std::move(object), current->revision());
  }
  if (NothingHoldsBack(resource, object)) {
    auto erased = co_await Erase(call, current);
    if (!erased) co_return Fail(std::move(erased).error());
    context.Stored();
    co_return api::Object::FromValue(std::move(object), current->revision());
  }
  auto stored = co_await Store(call, std::move(current), std::move(object), WriteOf::kClient);
  if (stored) context.Stored();
  co_return stored;
}

Task<Result<ObjectPtr>> Registry::Store(Call* call, ObjectPtr current, json::Value object, WriteOf write) {
  const api::KindInfo& kind = *call->resource->kind;
  MetadataOf(object).erase("resourceVersion");
  std::string key = store::keys::ObjectKey(kind.group, kind.resource, call->namespace_, call->name);
  CO_TRY(std::string text, StoredText(object, write));
  CO_TRY(store::Revision revision,
         co_await deps_.store.Put(std::move(key), std::move(text), store::Precondition{current->revision()}));
  co_return Written(*call, call->name, std::move(object), revision);
}

}  // namespace sampan::apiserver
