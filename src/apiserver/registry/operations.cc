#include "apiserver/registry/operations.h"

#include "api/defaults/defaults.h"
#include "api/types/core.h"
#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/sent_metadata.h"

namespace sampan::apiserver {

namespace {

// Who may change objects may not make them by that.
Result<void> RequireCreate(const Call& call) {
  if (call.authorizer == nullptr) return {};
  const api::KindInfo& kind = call.kind();
  return auth::Require(*call.authorizer, {.user = call.user,
                                          .verb = "create",
                                          .group = kind.group,
                                          .version = kind.version,
                                          .resource = kind.resource,
                                          .namespace_ = call.namespace_,
                                          .name = call.name,
                                          .resource_request = true});
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

Task<Result<ObjectPtr>> CreateByChange(Registry* registry, Call* call, json::Value body) {
  CO_TRY_VOID(RequireCreate(*call));
  auto created = co_await CreateObject(registry, call, std::move(body));
  co_return created;
}

Task<Result<ObjectPtr>> PutObject(Registry* registry, Call* call, json::Value body, bool* created) {
  CO_TRY_VOID(CheckSentName(*call, body));
  CO_TRY_VOID(CheckSentNamespace(*call, body));
  Mutate mutate = [&](const json::Value&, const api::Object& current) -> Result<json::Value> {
    TRY_VOID(CheckSentUid(*call, body, current.uid()));
    return body;
  };
  auto updated = co_await registry->Update(call, &mutate);
  bool creates = call->resource->traits.create_on_update && call->subresource.empty();
  if (updated || !updated.error().Is(Reason::kNotFound) || !creates) co_return updated;
  CO_TRY_VOID(CheckSentUid(*call, body, ""));  // who names an instance wants that one, not a new one
  MetadataOf(body).erase("resourceVersion");
  auto made = co_await CreateByChange(registry, call, std::move(body));
  *created = made.has_value();
  co_return made;
}

}  // namespace sampan::apiserver
