#include "apiserver/auth/rbac.h"

#include "async/spawn.h"

namespace sampan::apiserver::auth {

Rbac::Rbac(store::CacheSet& caches, Executor& background) : caches_(caches), background_(background) {}

Task<Result<void>> Rbac::Start() {
  const std::pair<Kind, const char*> kinds[] = {{Kind::kRole, "roles"},
                                                {Kind::kClusterRole, "clusterroles"},
                                                {Kind::kRoleBinding, "rolebindings"},
                                                {Kind::kClusterRoleBinding, "clusterrolebindings"}};
  for (const auto& [kind, resource] : kinds) {
    store::CacheOptions options;
    options.group = "rbac.authorization.k8s.io";
    options.resource = resource;
    std::shared_ptr<store::Cache> cache = caches_.Open(options);
    CO_TRY_VOID(co_await cache->Ready());
    for (const api::ObjectPtr& object : cache->List({}).items) Set(kind, *object);
    Spawn(background_, gate_, Follow(this, kind, std::move(cache)));
  }
  co_return Result<void>();
}

Task<void> Rbac::Stop() {
  stop_.Cancel();
  co_await gate_.Close();
}

Task<void> Rbac::Follow(Rbac* self, Kind kind, std::shared_ptr<store::Cache> cache) {
  const CancelToken stop = self->stop_.token();
  Known known;
  while (!stop.Requested()) {
    Result<void> ready = co_await cache->Ready(stop);
    if (!ready) co_return;
    Result<void> followed = co_await FollowOnce(self, kind, cache, &known);
    if (!followed) co_await Yield();  // the cache lost its place and loads anew
  }
}

Task<Result<void>> Rbac::FollowOnce(Rbac* self, Kind kind, std::shared_ptr<store::Cache> cache, Known* known) {
  // Subscribed before the list: what both have is indexed twice, which does no harm; nothing is missed.
  CO_TRY(std::unique_ptr<store::Subscription> subscription, cache->Subscribe({}, 0));
  std::shared_ptr<store::Subscription> events = std::move(subscription);
  CancelToken::Subscription stop = self->stop_.token().OnCancel([events] { events->Stop(); });
  Known before = std::exchange(*known, {});
  for (const api::ObjectPtr& object : cache->List({}).items) {
    self->Set(kind, *object);
    before.erase({object->namespace_(), object->name()});
    (*known)[{object->namespace_(), object->name()}] = object;
  }
  for (const auto& [id, object] : before) self->Erase(kind, *object);
  while (true) {
    CO_TRY(std::optional<std::vector<store::CacheEventPtr>> batch, co_await events->Next());
    if (!batch) co_return Result<void>();
    for (const store::CacheEventPtr& event : *batch) {
      const api::Object& object = event->object() ? *event->object() : *event->old();
      if (event->object()) {
        self->Set(kind, object);
        (*known)[{object.namespace_(), object.name()}] = event->object();
      } else {
        self->Erase(kind, object);
        known->erase({object.namespace_(), object.name()});
      }
    }
  }
}

void Rbac::Set(Kind kind, const api::Object& object) {
  auto index = index_.Lock();
  switch (kind) {
    case Kind::kRole:
      return index->SetRole(object.namespace_(), object.name(), object.As<api::rbac::Role>().rules);
    case Kind::kClusterRole:
      return index->SetRole("", object.name(), object.As<api::rbac::ClusterRole>().rules);
    case Kind::kRoleBinding: {
      const auto& binding = object.As<api::rbac::RoleBinding>();
      return index->SetBinding({object.namespace_(), object.name(), binding.subjects, binding.role_ref});
    }
    case Kind::kClusterRoleBinding: {
      const auto& binding = object.As<api::rbac::ClusterRoleBinding>();
      return index->SetBinding({"", object.name(), binding.subjects, binding.role_ref});
    }
  }
}

void Rbac::Erase(Kind kind, const api::Object& object) {
  auto index = index_.Lock();
  if (kind == Kind::kRole || kind == Kind::kClusterRole) {
    index->EraseRole(object.namespace_(), object.name());
  } else {
    index->EraseBinding(object.namespace_(), object.name());
  }
}

Decision Rbac::Authorize(const Attributes& attributes) const {
  return index_.ReadLock()->Authorize(attributes, RbacIndex::Detail::kNone);
}

Decision Rbac::Explain(const Attributes& attributes) const {
  return index_.ReadLock()->Authorize(attributes, RbacIndex::Detail::kReason);
}

UserRules Rbac::RulesFor(const UserInfo& user, std::string_view namespace_) const {
  UserRules rules;
  index_.ReadLock()->VisitRules(
      user, namespace_, [&](const api::rbac::PolicyRule& rule) { rules.rules.push_back(rule); }, &rules.missing_roles);
  return rules;
}

std::optional<PolicyRules> Rbac::RulesOf(std::string_view namespace_, const api::rbac::RoleRef& role) const {
  auto index = index_.ReadLock();
  const PolicyRules* rules = index->RulesOf(namespace_, role);
  return rules == nullptr ? std::nullopt : std::optional(*rules);
}

}  // namespace sampan::apiserver::auth
