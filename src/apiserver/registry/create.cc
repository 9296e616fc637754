#include "api/apply/managed_fields.h"
#include "api/validation/validation.h"
#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/registry.h"
#include "apiserver/registry/sent_metadata.h"
#include "store/keys.h"

namespace sampan::apiserver {

namespace {

constexpr int kGeneratedNameAttempts = 8;
constexpr size_t kMaxGeneratedBase = 58;  // 63 less the suffix of five

// metadata as the system sets it for a new object, whatever the client sent.
void SetSystemMetadata(WriteContext& context, const Traits& traits, json::Value& object) {
  json::Object& metadata = MetadataOf(object);
  for (std::string_view key : {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"})
    metadata.erase(key);
  metadata["uid"] = context.rng.Uuid();
  metadata["creationTimestamp"] = FormatTime(context.now);
  if (traits.generation) metadata["generation"] = 1;
  if (context.kind->namespaced()) {
    metadata["namespace"] = context.namespace_;
  } else {
    metadata.erase("namespace");
  }
}

// Ownership is recorded in the form the client writes in.
void TrackCreation(const Call& call, WallTime now, json::Value& object) {
  api::FieldManager manager{call.field_manager, call.subresource, now};
  if (call.view == nullptr) return api::TrackCreate(*call.resource->kind, manager, object);
  json::Value published = call.view->from_stored(object);
  api::TrackCreate(*call.view->kind, manager, published);
  object = call.view->to_stored(published);
}

Result<void> CheckSentMetadata(const Call& call, const json::Value& object) {
  TRY_VOID(CheckSentNamespace(call, object));
  if (!json::FindString(json::Find(object, "metadata", "resourceVersion")).empty()) {
    return Fail(Error::BadRequest("resourceVersion should not be set on objects to be created"));
  }
  return {};
}

}  // namespace

Task<Result<ObjectPtr>> Registry::Create(Call* call, json::Value object) {
  CO_TRY_VOID(CheckSentMetadata(*call, object));
  MetadataOf(object).erase("resourceVersion");
  std::string base(json::FindString(json::Find(object, "metadata", "generateName")));
  if (!NameOf(object).empty() || base.empty()) {
    auto created = co_await CreateNamed(call, std::move(object), "");
    co_return created;
  }
  base.resize(std::min(base.size(), kMaxGeneratedBase));
  for (int attempt = 1;; ++attempt) {
    auto created = co_await CreateNamed(call, attempt < kGeneratedNameAttempts ? object : std::move(object), base);
    if (created || !created.error().Is(Reason::kAlreadyExists) || attempt == kGeneratedNameAttempts) co_return created;
  }
}

Task<Result<ObjectPtr>> Registry::CreateNamed(Call* call, json::Value object, std::string base) {
  const api::KindInfo& kind = *call->resource->kind;
  Strategy& strategy = *call->resource->strategy;
  std::unique_ptr<WriteContext> owned = Context(*call, Intent::kCreate);
  WriteContext& context = *owned;
  context.name = base.empty() ? std::string(NameOf(object)) : base;

  // What admission and strategy fill in belongs to no manager.
  if (call->track_managers) TrackCreation(*call, context.now, object);
  CO_TRY_VOID(co_await RunMutating(&context, &object, nullptr));
  if (!base.empty() && NameOf(object).empty()) MetadataOf(object)["name"] = base + deps_.rng.NameSuffix(5);
  std::string name(NameOf(object));
  context.name = name;
  SetSystemMetadata(context, call->resource->traits, object);
  if (call->resource->traits.status && !call->resource->traits.status_on_create) {
    object.as_object()["status"] = json::Object();
  }
  CO_TRY_VOID(strategy.PrepareForCreate(context, object));
  api::Causes causes;
  api::Validate(call->kind(), object, causes);
  strategy.Validate(context, object, nullptr, causes);
  if (!causes.empty()) co_return Fail(std::move(causes).ToError(kind.group, kind.kind, name));
  CO_TRY_VOID(strategy.BeforeStore(context, object, nullptr));
  CO_TRY_VOID(co_await RunValidating(&context, &object, nullptr));
  call->warnings.insert(call->warnings.end(), context.warnings.begin(), context.warnings.end());

  CO_TRY(std::string text, StoredText(object, WriteOf::kClient));
  if (call->dry_run) {
    if (call->resource->cache->Get(call->namespace_, name) != nullptr)
      co_return Fail(AlreadyExistsError(call->kind(), name));
    co_return api::Object::FromValue(std::move(object), 0);
  }
  std::string key = store::keys::ObjectKey(kind.group, kind.resource, call->namespace_, name);
  auto revision =
      co_await deps_.store.Put(std::move(key), std::move(text), store::Precondition{store::Precondition::kMustNotExist});
  if (!revision) {
    if (revision.error().Is(Reason::kAlreadyExists)) co_return Fail(AlreadyExistsError(call->kind(), name));
    co_return Fail(std::move(revision).error());
  }
  context.Stored();
  co_return Written(*call, name, std::move(object), *revision);
}

}  // namespace sampan::apiserver
