#include "controllers/replicaset/replicaset.h"

#include "async/spawn.h"
#include "base/log.h"
#include "client/expectations.h"
#include "client/typed.h"
#include "controllers/common/claims.h"
#include "controllers/common/objects.h"
#include "controllers/common/selector_index.h"
#include "controllers/replicaset/plan.h"

namespace sampan::controllers {
namespace {

using api::apps::ReplicaSet;
using api::core::Pod;
using replicaset::Failure;

// Creations are started in batches of 1, 2, 4, ... so that a set whose pods are refused (quota, policy) learns it from
// one request and not from hundreds.
constexpr int kFirstBatch = 1;

class ReplicaSetController final : public KeyedController {
 public:
  explicit ReplicaSetController(World world)
      : KeyedController(world, {.name = "replicaset-controller", .event_component = "replicaset-controller"}) {}

 private:
  void Subscribe() override {
    sets_ = Source<ReplicaSet>();
    pods_ = Source<Pod>();
    sets_->cache().AddControllerIndex();
    pods_->cache().AddControllerIndex();
    AddOrphanIndex(pods_.untyped());
    AddSelectorIndex(sets_.untyped(),
                     [](const api::Object& set) { return &set.As<ReplicaSet>().spec.selector.match_labels; });
    QueueChangesOf(sets_.untyped());
    Listen(pods_.untyped(),
           {.added = [this](const ObjectPtr& pod) { PodAdded(pod); },
            .updated = [this](const ObjectPtr& before, const ObjectPtr& after) { PodChanged(before, after); },
            .deleted = [this](const ObjectPtr& last) { PodGone(last); }});
  }

  // The key of the set that controls the object; empty when none does.
  std::string OwnerKey(const api::Object& object) const {
    const api::OwnerRef* owner = ControllerOf(object.head());
    if (owner == nullptr || owner->kind != "ReplicaSet") return "";
    client::TypedPtr<ReplicaSet> set = sets_.Get(object.namespace_(), owner->name);
    return set && set.uid() == owner->uid ? client::KeyOf(*set.object()) : "";
  }

  void PodAdded(const ObjectPtr& pod) {
    if (pod->deleting()) return PodGone(pod);
    std::string key = OwnerKey(*pod);
    if (!key.empty()) {
      expectations_.CreationObserved(key);
      Queue(std::move(key));
    } else if (ControllerOf(pod->head()) == nullptr) {
      QueueMatching(*pod);
    }
  }

  void PodChanged(const ObjectPtr& before, const ObjectPtr& after) {
    if (after->deleting()) {
      bool ended = IsTerminating(PodPtr(before)) && !IsTerminating(PodPtr(after));
      if (!before->deleting() || ended) PodGone(after);
      return;
    }
    std::string old_key = OwnerKey(*before);
    std::string key = OwnerKey(*after);
    if (!old_key.empty() && old_key != key) Queue(std::move(old_key));
    if (!key.empty()) {
      Queue(std::move(key));
    } else if (ControllerOf(after->head()) == nullptr && before->head().labels != after->head().labels) {
      QueueMatching(*after);
    }
  }

  void PodGone(const ObjectPtr& pod) {
    std::string key = OwnerKey(*pod);
    if (key.empty()) return;
    expectations_.DeletionObserved(key, pod->uid());
    Queue(std::move(key));
  }

  // An orphan may be adopted by any set of its namespace that selects it.
  void QueueMatching(const api::Object& pod) {
    std::vector<ObjectPtr> candidates = SelectorCandidates(sets_->cache(), pod.namespace_(), pod.head().labels);
    for (const ReplicaSetPtr& set : client::Typed<ReplicaSet>(std::move(candidates))) {
      if (ControllerSelector(set->spec.selector).Matches(pod.head().labels)) Queue(client::KeyOf(*set.object()));
    }
  }

  Task<Result<void>> Sync(std::string key) override {
    ReplicaSetPtr set = sets_.GetByKey(key);
    if (!set) {
      expectations_.Forget(key);
      co_return Result<void>();
    }
    bool satisfied = expectations_.Satisfied(key, world_.clock.Monotonic());
    CO_TRY(std::vector<PodPtr> claimed, co_await Claim(set));
    std::vector<PodPtr> pods = claimed;
    std::erase_if(pods, [](const PodPtr& pod) { return !IsActive(pod); });

    std::optional<Error> failed;
    std::optional<Failure> failure;
    if (satisfied && !set.object()->deleting()) {
      std::vector<int> related = RelatedOnNodes(set, pods);
      replicaset::ReplicaPlan plan =
          replicaset::PlanReplicas(set->spec.replicas.value_or(1), pods, related, world_.clock.Now());
      if (plan.create > 0) {
        failed = co_await Create(key, set, plan.create);
        if (failed) failure = Failure{"FailedCreate", failed->message()};
      } else if (!plan.remove.empty()) {
        failed = co_await Remove(key, set, std::move(plan.remove));
        if (failed) failure = Failure{"FailedDelete", failed->message()};
      }
    } else {
      failure = PreviousFailure(*set);
    }
    CO_TRY_VOID(co_await PublishStatus(key, set, std::move(claimed), failure));
    if (failed) co_return Fail(*failed);
    co_return Result<void>();
  }

  static std::optional<Failure> PreviousFailure(const ReplicaSet& set) {
    for (const auto& condition : set.status.conditions) {
      if (condition.type == "ReplicaFailure") return Failure{condition.reason, condition.message};
    }
    return std::nullopt;
  }

  // The set's pods, after adopting and releasing.
  Task<Result<std::vector<PodPtr>>> Claim(ReplicaSetPtr set) {
    std::vector<PodPtr> candidates = pods_.ByIndex(client::ObjectCache::kControllerIndex, set.uid());
    for (PodPtr& orphan : pods_.ByIndex(kOrphanIndex, set.namespace_())) candidates.push_back(std::move(orphan));
    auto plan = PlanClaims<Pod>(*set.object(), ControllerSelector(set->spec.selector), candidates);
    std::erase_if(plan.adopt, [](const PodPtr& pod) { return !IsActive(pod); });
    co_return co_await ExecuteClaims<ReplicaSet, Pod>(&world_.client, set.object(), std::move(plan));
  }

  // How many active pods of all sets with the same owner run on each pod's node.
  std::vector<int> RelatedOnNodes(const ReplicaSetPtr& set, const std::vector<PodPtr>& pods) const {
    if (static_cast<int>(pods.size()) <= set->spec.replicas.value_or(1)) return {};
    std::vector<ReplicaSetPtr> family{set};
    const api::OwnerRef* owner = ControllerOf(set.head());
    if (owner != nullptr) family = sets_.ByIndex(client::ObjectCache::kControllerIndex, owner->uid);
    std::unordered_map<std::string_view, int> on_node;
    std::vector<PodPtr> related;
    for (const ReplicaSetPtr& member : family) {
      for (PodPtr& pod : pods_.ByIndex(client::ObjectCache::kControllerIndex, member.uid())) {
        if (IsActive(pod)) related.push_back(std::move(pod));
      }
    }
    for (const PodPtr& pod : related) ++on_node[pod->spec.node_name];
    std::vector<int> counts;
    counts.reserve(pods.size());
    for (const PodPtr& pod : pods) counts.push_back(on_node[pod->spec.node_name]);
    return counts;
  }

  static Task<Result<ObjectPtr>> CreateOne(client::Client* client, client::Ref ref, json::Value body) {
    return client->Create(std::move(ref), std::move(body));
  }
  static Task<Result<void>> DeleteOne(client::Client* client, PodPtr pod) {
    return client::Delete<Pod>(*client, pod.namespace_(), pod.name(), {.uid_precondition = pod.uid()});
  }

  Task<std::optional<Error>> Create(std::string key, ReplicaSetPtr set, int count) {
    expectations_.ExpectCreations(key, count, world_.clock.Monotonic());
    const json::Value pod = replicaset::PodFromTemplate(*set.object());
    std::optional<Error> failed;
    bool namespace_ends = false;  // then there is nothing to do but to wait for the end
    int started = 0;
    for (int batch = kFirstBatch; started < count && !failed && !namespace_ends; batch *= 2) {
      int size = std::min(batch, count - started);
      std::vector<Task<Result<ObjectPtr>>> requests;
      for (int i = 0; i < size; ++i) {
        requests.push_back(CreateOne(&world_.client, client::RefOf<Pod>(set.namespace_()), pod));
      }
      started += size;
      std::vector<Result<ObjectPtr>> results = co_await WhenAll(std::move(requests));
      for (Result<ObjectPtr>& created : results) {
        if (created) {
          Emit(*set.object(), client::EventType::kNormal, "SuccessfulCreate", "Created pod: " + (*created)->name());
          continue;
        }
        expectations_.CreationObserved(key);
        if (NamespaceEnds(created.error())) {
          namespace_ends = true;
          continue;
        }
        Emit(*set.object(), client::EventType::kWarning, "FailedCreate", "Error creating: " + created.error().message());
        failed = std::move(created).error();
      }
    }
    for (int i = started; i < count; ++i) expectations_.CreationObserved(key);
    co_return failed;
  }

  Task<std::optional<Error>> Remove(std::string key, ReplicaSetPtr set, std::vector<PodPtr> pods) {
    std::set<std::string> uids;
    std::vector<Task<Result<void>>> requests;
    for (const PodPtr& pod : pods) {
      uids.insert(pod.uid());
      requests.push_back(DeleteOne(&world_.client, pod));
    }
    expectations_.ExpectDeletions(key, std::move(uids), world_.clock.Monotonic());
    std::vector<Result<void>> results = co_await WhenAll(std::move(requests));
    std::optional<Error> failed;
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i]) {
        Emit(*set.object(), client::EventType::kNormal, "SuccessfulDelete", "Deleted pod: " + pods[i].name());
        continue;
      }
      expectations_.DeletionObserved(key, pods[i].uid());
      if (results[i].error().Is(Reason::kNotFound)) continue;
      Emit(*set.object(), client::EventType::kWarning, "FailedDelete", "Error deleting: " + results[i].error().message());
      failed = std::move(results[i]).error();
    }
    co_return failed;
  }

  Task<Result<void>> PublishStatus(std::string key, ReplicaSetPtr set, std::vector<PodPtr> pods,
                                   std::optional<Failure> failure) {
    WallTime now = world_.clock.Now();
    api::apps::ReplicaSetStatus status = replicaset::PlanStatus(*set, pods, failure, now);
    std::erase_if(pods, [](const PodPtr& pod) { return !IsActive(pod); });
    if (std::optional<Duration> wait = replicaset::NextAvailability(*set, pods, now)) QueueAfter(key, *wait);
    if (status == set->status) co_return Result<void>();
    Result<ObjectPtr> updated = co_await UpdateStatus(world_.client, set.object(), api::ToJson(status));
    if (!updated && !updated.error().Is(Reason::kNotFound)) co_return Fail(std::move(updated).error());
    co_return Result<void>();
  }

  client::Informer<ReplicaSet> sets_;
  client::Informer<Pod> pods_;
  client::Expectations expectations_;
};

}  // namespace

std::unique_ptr<Controller> NewReplicaSetController(World world) {
  return std::make_unique<ReplicaSetController>(world);
}

}  // namespace sampan::controllers
