#include "apiserver/registry/operations.h"

#include "api/defaults/defaults.h"
#include "api/types/core.h"
#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"

namespace sampan::apiserver {

namespace {

Result<void> CheckName(const Call& call, const json::Value& body) {
  std::string_view name = NameOf(body);
  if (name.empty()) {
    return Fail(
        Error::BadRequest("the name of the object ({} based on URL) was undeterminable: name must be provided", call.name));
  }
  if (name != call.name) {
    return Fail(Error::BadRequest("the name of the object ({}) does not match the name on the URL ({})", name, call.name));
  }
  std::string_view namespace_ = json::FindString(json::Find(body, "metadata", "namespace"));
  if (call.resource->kind->namespaced() && !namespace_.empty() && namespace_ != call.namespace_) {
    return Fail(Error::BadRequest("the namespace of the provided object does not match the namespace sent on the request"));
  }
  return {};
}

}  // namespace

Task<Result<ObjectPtr>> CreateObject(Registry* registry, Call* call, json::Value body) {
  if (call->resource->kind == &api::KindOf<api::core::Pod>()) {
    co_await AwaitDefaultServiceAccount(registry, call->namespace_, &body);
  }
  api::ApplyDefaults(*call->resource->kind, body);
  auto created = co_await registry->Create(call, std::move(body));
  co_return created;
}

Task<Result<ObjectPtr>> PutObject(Registry* registry, Call* call, json::Value body, bool* created) {
  CO_TRY_VOID(CheckName(*call, body));
  Mutate mutate = [&body](const json::Value&, const api::Object&) -> Result<json::Value> { return body; };
  auto updated = co_await registry->Update(call, &mutate);
  bool creates = call->resource->traits.create_on_update && call->subresource.empty();
  if (updated || !updated.error().Is(Reason::kNotFound) || !creates) co_return updated;
  // Who names an instance wants that one, not a new one.
  std::string_view uid = json::FindString(json::Find(body, "metadata", "uid"));
  if (!uid.empty()) {
    co_return Fail(ConflictError(call->kind(), call->name,
                                 fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: ", uid)));
  }
  MetadataOf(body).erase("resourceVersion");
  auto made = co_await CreateObject(registry, call, std::move(body));
  *created = made.has_value();
  co_return made;
}

Result<DeleteRequest> ParseDeleteOptions(const json::Value& options) {
  DeleteRequest request;
  request.options.grace_period_seconds = FindInt(json::Find(options, "gracePeriodSeconds"));
  request.options.propagation_policy = json::FindString(json::Find(options, "propagationPolicy"));
  request.options.uid_precondition = json::FindString(json::Find(options, "preconditions", "uid"));
  request.options.resource_version_precondition = json::FindString(json::Find(options, "preconditions", "resourceVersion"));
  const json::Value* orphan = json::Find(options, "orphanDependents");
  if (orphan != nullptr && orphan->is_bool()) request.orphan_dependents = orphan->get_bool();
  return request;
}

}  // namespace sampan::apiserver
