#include "api/apply/managed_fields.h"
#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/registry.h"
#include "base/saturate.h"
#include "store/keys.h"

namespace sampan::apiserver {

namespace {

constexpr int kAttempts = 6;
constexpr std::string_view kOrphan = "orphan";
constexpr std::string_view kForeground = "foregroundDeletion";

Result<void> CheckPreconditions(const Call& call, const api::Object& current, const client::DeleteOptions& options) {
  const api::KindInfo& kind = call.kind();
  auto conflict = [&](std::string_view why) {
    std::string qualified = kind.group.empty() ? kind.kind : kind.kind + "." + kind.group;
    return Fail(Error::Conflict("Operation cannot be fulfilled on {} \"{}\": {}", qualified, call.name, why)
                    .WithDetails({.group = kind.group, .kind = kind.kind, .name = call.name}));
  };
  if (!options.uid_precondition.empty() && options.uid_precondition != current.uid()) {
    return conflict(
        fmt::format("the UID in the precondition ({}) does not match the UID in record ({}). The object might "
                    "have been deleted and then recreated",
                    options.uid_precondition, current.uid()));
  }
  std::string revision = std::to_string(current.revision());
  if (!options.resource_version_precondition.empty() && options.resource_version_precondition != revision) {
    return conflict(
        fmt::format("the ResourceVersion in the precondition ({}) does not match the ResourceVersion in record "
                    "({}). The object might have been modified",
                    options.resource_version_precondition, revision));
  }
  return {};
}

// The finalizers that the wish for the dependents' fate leaves on the object.
void SetPropagation(json::Value& object, const DeleteRequest& request) {
  std::string_view policy = request.options.propagation_policy;
  if (policy.empty()) {
    if (!request.orphan_dependents) return;
    policy = *request.orphan_dependents ? "Orphan" : "Background";
  }
  json::Array finalizers;
  if (const json::Array* present = FindArray(json::Find(object, "metadata", "finalizers"))) {
    for (const json::Value& finalizer : *present) {
      std::string_view name = json::FindString(&finalizer);
      if (name != kOrphan && name != kForeground) finalizers.push_back(finalizer);
    }
  }
  if (policy == "Orphan") finalizers.emplace_back(kOrphan);
  if (policy == "Foreground") finalizers.emplace_back(kForeground);
  if (finalizers.empty()) {
    MetadataOf(object).erase("finalizers");
  } else {
    MetadataOf(object)["finalizers"] = std::move(finalizers);
  }
}

// Begins the deletion or shortens one that has begun: a later request may only make it come sooner.
void SetDeletion(json::Value& object, const api::Object& current, int64_t grace, bool asked, WallTime now) {
  json::Object& metadata = MetadataOf(object);
  if (!current.deleting()) {
    metadata["deletionTimestamp"] = FormatTime(SaturatedSum(now, SaturatedSeconds(grace)));
    metadata["deletionGracePeriodSeconds"] = grace;
    std::optional<int64_t> generation = FindInt(json::Find(object, "metadata", "generation"));
    if (generation) metadata["generation"] = *generation + 1;
    return;
  }
  int64_t pending = FindInt(json::Find(object, "metadata", "deletionGracePeriodSeconds")).value_or(0);
  std::optional<WallTime> due = ParseTime(current.head().deletion_timestamp);
  if (!asked || grace >= pending || !due) return;
  metadata["deletionTimestamp"] = FormatTime(SaturatedSum(*due, -SaturatedSeconds(pending - grace)));
  metadata["deletionGracePeriodSeconds"] = grace;
}

bool HasFinalizers(const json::Value& object) {
  const json::Array* finalizers = FindArray(json::Find(object, "metadata", "finalizers"));
  return finalizers != nullptr && !finalizers->empty();
}

}  // namespace

Task<Result<Deleted>> Registry::Delete(Call* call, DeleteRequest request) {
  {
    std::unique_ptr<WriteContext> context = Context(*call, Intent::kDelete);
    CO_TRY_VOID(co_await RunMutating(context.get(), nullptr, nullptr));
    context->Stored();  // nothing is given back: the request goes on
  }
  for (int attempt = 1;; ++attempt) {
    ObjectPtr current = call->resource->cache->Get(call->namespace_, call->name);
    if (current == nullptr) co_return Fail(NotFoundError(call->kind(), call->name));
    auto deleted = co_await TryDelete(call, std::move(current), &request);
    if (deleted) co_return deleted;
    bool lost = deleted.error().Is(Reason::kConflict) && deleted.error().details() == nullptr;
    if (!lost && !deleted.error().Is(Reason::kNotFound)) co_return deleted;
    if (attempt == kAttempts) co_return Fail(ModifiedError(call->kind(), call->name));
    co_await CatchUp(call);
  }
}

Task<Result<Deleted>> Registry::TryDelete(Call* call, ObjectPtr current, const DeleteRequest* request) {
  CO_TRY_VOID(CheckPreconditions(*call, *current, request->options));
  Strategy& strategy = *call->resource->strategy;
  std::unique_ptr<WriteContext> context = Context(*call, Intent::kDelete);
  CO_TRY_VOID(strategy.CheckDelete(*context, *current));

  const std::optional<int64_t>& asked = request->options.grace_period_seconds;
  int64_t grace = strategy.GracePeriod(*current, asked);
  json::Value old = current->Parse();
  CO_TRY_VOID(co_await RunValidating(context.get(), nullptr, &old));
  json::Value object = old;
  SetPropagation(object, *request);
  SetDeletion(object, *current, grace, asked.has_value(), context->now);
  if (!current->deleting()) strategy.MarkDeleted(object);
  int64_t pending = FindInt(json::Find(object, "metadata", "deletionGracePeriodSeconds")).value_or(0);
  bool waits = HasFinalizers(object) || strategy.HeldBack(object) || pending > 0;

  if (call->dry_run) co_return Deleted{std::move(current), !waits};
  if (!waits) {
    auto erased = co_await Erase(call, std::move(current));
    if (erased) context->Stored();
    co_return erased;
  }
  if (json::Equal(old, object)) co_return Deleted{std::move(current), false};
  CO_TRY(ObjectPtr marked, co_await Store(call, std::move(current), std::move(object), WriteOf::kServer));
  context->Stored();
  co_return Deleted{std::move(marked), false};
}

Task<Result<Deleted>> Registry::Erase(Call* call, ObjectPtr current) {
  const api::KindInfo& kind = *call->resource->kind;
  std::string key = store::keys::ObjectKey(kind.group, kind.resource, call->namespace_, call->name);
  CO_TRY_VOID(co_await deps_.store.Delete(std::move(key), store::Precondition{current->revision()}));
  call->resource->strategy->AfterDelete(*current);
  co_return Deleted{std::move(current), true};
}

}  // namespace sampan::apiserver
