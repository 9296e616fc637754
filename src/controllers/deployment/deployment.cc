#include "controllers/deployment/deployment.h"

#include "client/typed.h"
#include "controllers/common/claims.h"
#include "controllers/deployment/plan.h"

namespace sampan::controllers {
namespace {

using api::apps::Deployment;
using api::apps::ReplicaSet;
using api::core::Pod;
using deployment::DeploymentPtr;
using deployment::Plan;

// The ReplicaSet that the plan asks for, as JSON.
json::Value SetFromDeployment(const api::Object& deployment, const deployment::NewSet& set) {
  json::Value value = deployment.Parse();
  auto part = [&value](auto... path) {
    const json::Value* found = json::Find(value, path...);
    return found == nullptr || !found->is_object() ? json::Object() : found->as_object();
  };
  json::Object pod_template = part("spec", "template");
  json::Object pod_metadata = part("spec", "template", "metadata");
  json::Object labels = part("spec", "template", "metadata", "labels");
  labels[deployment::kHashLabel] = set.hash;
  pod_metadata["labels"] = labels;
  pod_template["metadata"] = std::move(pod_metadata);
  json::Object selector = part("spec", "selector");
  json::Object match_labels = part("spec", "selector", "matchLabels");
  match_labels[deployment::kHashLabel] = set.hash;
  selector["matchLabels"] = std::move(match_labels);

  json::Object annotations;
  for (const auto& [key, text] : set.annotations) annotations[key] = text;
  json::Object spec{{"replicas", set.replicas}, {"selector", std::move(selector)}, {"template", std::move(pod_template)}};
  const json::Value* min_ready = json::Find(value, "spec", "minReadySeconds");
  if (min_ready != nullptr) spec["minReadySeconds"] = *min_ready;
  return json::Object{{"apiVersion", "apps/v1"},
                      {"kind", "ReplicaSet"},
                      {"metadata",
                       {{"name", set.name},
                        {"namespace", deployment.namespace_()},
                        {"labels", std::move(labels)},
                        {"annotations", std::move(annotations)},
                        {"ownerReferences", json::Array{ControllerRef(deployment)}}}},
                      {"spec", std::move(spec)}};
}

json::Value PatchOf(const deployment::SetChange& change) {
  json::Object metadata{{"resourceVersion", std::to_string(change.set.object()->revision())}};
  if (!change.annotations.empty()) {
    json::Object annotations;
    for (const auto& [key, text] : change.annotations) annotations[key] = text;
    metadata["annotations"] = std::move(annotations);
  }
  json::Object patch{{"metadata", std::move(metadata)}};
  json::Object spec;
  if (change.replicas) spec["replicas"] = *change.replicas;
  if (change.min_ready_seconds) spec["minReadySeconds"] = *change.min_ready_seconds;
  if (!spec.empty()) patch["spec"] = std::move(spec);
  return patch;
}

class DeploymentController final : public KeyedController {
 public:
  explicit DeploymentController(World world)
      : KeyedController(world, {.name = "deployment-controller", .event_component = "deployment-controller"}) {}

 private:
  void Subscribe() override {
    deployments_ = Source<Deployment>();
    sets_ = Source<ReplicaSet>();
    pods_ = Source<Pod>();
    sets_->cache().AddControllerIndex();
    pods_->cache().AddControllerIndex();
    AddOrphanIndex(sets_.untyped());
    QueueChangesOf(deployments_.untyped());
    Listen(sets_.untyped(), {.added = [this](const ObjectPtr& set) { SetChanged(*set); },
                             .updated =
                                 [this](const ObjectPtr& before, const ObjectPtr& after) {
                                   if (ControllerUid(*before) != ControllerUid(*after)) SetChanged(*before);
                                   SetChanged(*after);
                                 },
                             .deleted = [this](const ObjectPtr& last) { SetChanged(*last); }});
    // Recreate waits for the last old pod.
    Listen(pods_.untyped(), {.deleted = [this](const ObjectPtr& last) { PodGone(*last); }});
  }

  static std::string_view ControllerUid(const api::Object& object) {
    const api::OwnerRef* owner = ControllerOf(object.head());
    return owner == nullptr ? std::string_view() : owner->uid;
  }

  DeploymentPtr OwnerOf(const api::Object& set) const {
    const api::OwnerRef* owner = ControllerOf(set.head());
    if (owner == nullptr || owner->kind != "Deployment") return {};
    DeploymentPtr deployment = deployments_.Get(set.namespace_(), owner->name);
    return deployment && deployment.uid() == owner->uid ? deployment : DeploymentPtr();
  }

  void SetChanged(const api::Object& set) {
    if (DeploymentPtr owner = OwnerOf(set)) return Queue(client::KeyOf(*owner.object()));
    if (ControllerOf(set.head()) != nullptr) return;
    for (const DeploymentPtr& one : deployments_.ListNamespace(set.namespace_())) {
      if (ControllerSelector(one->spec.selector).Matches(set.head().labels)) Queue(client::KeyOf(*one.object()));
    }
  }

  void PodGone(const api::Object& pod) {
    const api::OwnerRef* owner = ControllerOf(pod.head());
    if (owner == nullptr || owner->kind != "ReplicaSet") return;
    ReplicaSetPtr set = sets_.Get(pod.namespace_(), owner->name);
    if (!set || set.uid() != owner->uid) return;
    DeploymentPtr deployment = OwnerOf(*set.object());
    if (deployment && deployment->spec.strategy.OrEmpty().type == "Recreate") {
      Queue(client::KeyOf(*deployment.object()));
    }
  }

  Task<Result<void>> Sync(std::string key) override {
    DeploymentPtr deployment = deployments_.GetByKey(key);
    if (!deployment) co_return Result<void>();
    std::vector<ReplicaSetPtr> candidates = sets_.ByIndex(client::ObjectCache::kControllerIndex, deployment.uid());
    for (ReplicaSetPtr& orphan : sets_.ByIndex(kOrphanIndex, deployment.namespace_())) {
      candidates.push_back(std::move(orphan));
    }
    auto claims = PlanClaims<ReplicaSet>(*deployment.object(), ControllerSelector(deployment->spec.selector), candidates);
    deployment::Input input{deployment, {}, false, world_.clock.Now()};
    CO_TRY(input.sets,
           (co_await ExecuteClaims<Deployment, ReplicaSet>(&world_.client, deployment.object(), std::move(claims))));
    input.old_pods_running = OldPodsRunning(input);

    Plan plan = deployment::PlanDeployment(input);
    if (plan.check_after) QueueAfter(key, *plan.check_after);
    co_return co_await Execute(deployment, std::move(plan));
  }

  bool OldPodsRunning(const deployment::Input& input) const {
    const Deployment& deployment = *input.deployment;
    if (deployment.spec.strategy.OrEmpty().type != "Recreate") return false;
    for (const ReplicaSetPtr& set : input.sets) {
      if (set->spec.template_ && deployment::SameTemplate(*set->spec.template_, deployment.spec.template_)) continue;
      for (const PodPtr& pod : pods_.ByIndex(client::ObjectCache::kControllerIndex, set.uid())) {
        if (pod->status.phase != "Succeeded" && pod->status.phase != "Failed") return true;
      }
    }
    return false;
  }

  Task<Result<void>> Execute(DeploymentPtr deployment, Plan plan) {
    ObjectPtr object = deployment.object();
    if (plan.create) CO_TRY_VOID(co_await CreateSet(deployment, plan));
    for (const deployment::SetChange& change : plan.changes) CO_TRY_VOID(co_await ChangeSet(deployment, change));
    for (const ReplicaSetPtr& set : plan.remove) {
      Result<void> removed =
          co_await client::Delete<ReplicaSet>(world_.client, set.namespace_(), set.name(), {.uid_precondition = set.uid()});
      if (!removed && !removed.error().Is(Reason::kNotFound)) co_return Fail(std::move(removed).error());
    }
    if (!plan.revision.empty()) {
      json::Object annotations{{deployment::kRevision, plan.revision}};
      json::Object patch{{"metadata", {{"uid", deployment.uid()}, {"annotations", std::move(annotations)}}}};
      CO_TRY(DeploymentPtr patched, co_await client::MergePatch<Deployment>(world_.client, deployment.namespace_(),
                                                                            deployment.name(), std::move(patch)));
      // The plan was made for the spec that was cached: a newer one is observed by the next step only.
      if (patched.head().generation != deployment.head().generation) co_return Result<void>();
      object = patched.object();
    }
    if (plan.status == deployment->status) co_return Result<void>();
    CO_TRY_VOID(co_await UpdateStatus(world_.client, object, api::ToJson(plan.status)));
    co_return Result<void>();
  }

  Task<Result<void>> CreateSet(DeploymentPtr deployment, const Plan& plan) {
    const deployment::NewSet& set = *plan.create;
    json::Value body = SetFromDeployment(*deployment.object(), set);
    Result<ObjectPtr> created =
        co_await world_.client.Create(client::RefOf<ReplicaSet>(deployment.namespace_()), std::move(body));
    if (created) {
      if (set.replicas > 0) EmitScaled(deployment, set.name, 0, set.replicas);
      co_return Result<void>();
    }
    if (created.error().Is(Reason::kAlreadyExists)) co_return co_await ResolveCollision(deployment, set);
    std::string message = fmt::format("Failed to create new replica set \"{}\": {}", set.name, created.error().message());
    Emit(*deployment.object(), client::EventType::kWarning, "ReplicaSetCreateError", std::move(message));
    api::apps::DeploymentStatus status =
        deployment::StatusOfFailedCreate(plan.status, set, created.error(), world_.clock.Now());
    if (deployment->spec.progress_deadline_seconds && status != deployment->status) {
      CO_TRY_VOID(co_await UpdateStatus(world_.client, deployment.object(), api::ToJson(status)));
    }
    co_return Fail(std::move(created).error());
  }

  // The name is taken: by our own set that the cache has not seen yet, or by another template with the same hash.
  Task<Result<void>> ResolveCollision(DeploymentPtr deployment, const deployment::NewSet& set) {
    CO_TRY(ReplicaSetPtr held, co_await client::Get<ReplicaSet>(world_.client, deployment.namespace_(), set.name));
    bool ours = ControllerUid(*held.object()) == deployment.uid() && held->spec.template_ &&
                deployment::SameTemplate(*held->spec.template_, deployment->spec.template_);
    if (ours) co_return Result<void>();
    api::apps::DeploymentStatus status = deployment->status;
    status.collision_count = status.collision_count.value_or(0) + 1;
    CO_TRY_VOID(co_await UpdateStatus(world_.client, deployment.object(), api::ToJson(status)));
    co_return Fail(Error::Conflict("replica set {} belongs to another template", set.name));
  }

  Task<Result<void>> ChangeSet(DeploymentPtr deployment, const deployment::SetChange& change) {
    CO_TRY_VOID(
        co_await client::MergePatch<ReplicaSet>(world_.client, change.set.namespace_(), change.set.name(), PatchOf(change)));
    if (change.replicas) EmitScaled(deployment, change.set.name(), change.set->spec.replicas.value_or(1), *change.replicas);
    co_return Result<void>();
  }

  void EmitScaled(const DeploymentPtr& deployment, std::string_view set, int32_t from, int32_t to) {
    Emit(*deployment.object(), client::EventType::kNormal, "ScalingReplicaSet",
         fmt::format("Scaled {} replica set {} from {} to {}", from < to ? "up" : "down", set, from, to));
  }

  client::Informer<Deployment> deployments_;
  client::Informer<ReplicaSet> sets_;
  client::Informer<Pod> pods_;
};

}  // namespace

std::unique_ptr<Controller> NewDeploymentController(World world) {
  return std::make_unique<DeploymentController>(world);
}

}  // namespace sampan::controllers
