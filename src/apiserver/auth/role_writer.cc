#include "apiserver/auth/role_writer.h"

#include "apiserver/auth/aggregation.h"
#include "apiserver/auth/default_roles.h"
#include "async/spawn.h"
#include "base/log.h"
#include "client/typed.h"

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

// Another server may write the same at the same time: then what it wrote is as good.
Result<void> Tolerate(Result<void> written) {
  const bool harmless = !written && (written.error().Is(Reason::kAlreadyExists) || written.error().Is(Reason::kConflict));
  return harmless ? Result<void>() : written;
}

template <class T>
Task<Result<void>> Create(client::Client* client, T object) {
  auto created = co_await client::Create<T>(*client, std::move(object));
  co_return created ? Result<void>() : Result<void>(Fail(std::move(created).error()));
}

template <class T>
Task<Result<void>> Update(client::Client* client, T object) {
  auto updated = co_await client::Update<T>(*client, std::move(object));
  co_return updated ? Result<void>() : Result<void>(Fail(std::move(updated).error()));
}

template <class T>
void Plan(client::Client* client, store::CacheSet* caches, std::vector<T> wanted, std::vector<Task<Result<void>>>& tasks) {
  std::shared_ptr<store::Cache> cache = caches->Find(kGroup, api::KindOf<T>().resource);
  for (T& object : wanted) {
    api::ObjectPtr have = cache ? cache->Get(object.metadata.namespace_, object.metadata.name) : nullptr;
    if (!have) {
      tasks.push_back(Create<T>(client, std::move(object)));
    } else if (std::optional<T> merged = Reconcile(have->As<T>(), object)) {
      tasks.push_back(Update<T>(client, *std::move(merged)));
    }
  }
}

// Before what is missing is added: both may concern the same binding.
Task<Result<void>> TakeWithdrawn(client::Client* client, store::CacheSet* caches, const DefaultPolicy* policy) {
  std::shared_ptr<store::Cache> cache = caches->Find(kGroup, "clusterrolebindings");
  if (!cache) co_return Result<void>();
  for (const WithdrawnSubject& withdrawn : policy->withdrawn) {
    api::ObjectPtr have = cache->Get("", withdrawn.binding);
    if (!have) continue;
    auto less = WithoutWithdrawn(have->As<api::rbac::ClusterRoleBinding>(), *policy);
    if (less) CO_TRY_VOID(Tolerate(co_await Update<api::rbac::ClusterRoleBinding>(client, *std::move(less))));
  }
  co_return Result<void>();
}

Task<void> Aggregate(client::Client* client, store::Cache* cache) {
  std::vector<const api::rbac::ClusterRole*> roles;
  store::CacheList list = cache->List({});
  for (const api::ObjectPtr& object : list.items) roles.push_back(&object->As<api::rbac::ClusterRole>());
  const Aggregation aggregation(std::move(roles));
  for (const api::ObjectPtr& object : list.items) {
    const auto& role = object->As<api::rbac::ClusterRole>();
    if (!role.aggregation_rule) continue;
    PolicyRules rules = aggregation.RulesOf(role);
    if (rules == role.rules) continue;
    api::rbac::ClusterRole changed = role;
    changed.rules = std::move(rules);
    Result<void> written = Tolerate(co_await Update<api::rbac::ClusterRole>(client, std::move(changed)));
    if (!written) LOG_WARN("authz", "cluster role {} is not aggregated: {}", object->name(), written.error());
  }
}

// Until the subscription ends; an error when the cache lost its place.
Task<Result<void>> Follow(client::Client* client, store::Cache* cache, CancelToken stop) {
  CO_TRY(std::unique_ptr<store::Subscription> subscription, cache->Subscribe({}, 0));
  std::shared_ptr<store::Subscription> events = std::move(subscription);
  CancelToken::Subscription ended = stop.OnCancel([events] { events->Stop(); });
  while (true) {
    co_await Aggregate(client, cache);
    CO_TRY(auto batch, co_await events->Next());
    if (!batch) co_return Result<void>();
  }
}

}  // namespace

Task<Result<void>> EnsureDefaultRoles(client::Client* client, store::CacheSet* caches) {
  DefaultPolicy policy = MakeDefaultPolicy();
  CO_TRY_VOID(co_await TakeWithdrawn(client, caches, &policy));
  std::vector<Task<Result<void>>> tasks;
  Plan(client, caches, std::move(policy.cluster_roles), tasks);
  Plan(client, caches, std::move(policy.cluster_role_bindings), tasks);
  Plan(client, caches, std::move(policy.roles), tasks);
  Plan(client, caches, std::move(policy.role_bindings), tasks);
  std::vector<Result<void>> results = co_await WhenAll(std::move(tasks));
  for (Result<void>& result : results) CO_TRY_VOID(Tolerate(std::move(result)));
  co_return Result<void>();
}

Task<void> KeepRolesAggregated(client::Client* client, store::CacheSet* caches, CancelToken stop) {
  std::shared_ptr<store::Cache> cache = caches->Find(kGroup, "clusterroles");
  while (cache && !stop.Requested()) {
    Result<void> ready = co_await cache->Ready(stop);
    if (!ready) co_return;
    Result<void> followed = co_await Follow(client, cache.get(), stop);
    if (!followed) co_await Yield();
  }
}

}  // namespace sampan::apiserver::auth
