#include "controllers/nodelifecycle/nodelifecycle.h"

#include "api/types/coordination.h"
#include "base/log.h"
#include "client/typed.h"
#include "controllers/common/objects.h"
#include "controllers/nodelifecycle/plan.h"

namespace sampan::controllers {
namespace {

using api::coordination::Lease;
using api::core::Node;
using api::core::Pod;
using nodelifecycle::Evict;
using nodelifecycle::Readiness;
using NodePtr = client::TypedPtr<Node>;

constexpr std::string_view kLeaseNamespace = "kube-node-lease";
constexpr std::string_view kNodeIndex = "node";

void AddNodeIndex(client::ObjectInformer& pods) {
  pods.cache().AddIndex(std::string(kNodeIndex), [](const api::Object& object, std::vector<std::string>& keys) {
    const std::string& node = object.As<Pod>().spec.node_name;
    if (!node.empty()) keys.push_back(node);
  });
}

class NodeLifecycleController final : public KeyedController {
 public:
  NodeLifecycleController(World world, NodeLifecycleOptions options)
      : KeyedController(world, {.name = "node-lifecycle-controller", .event_component = "node-controller"}),
        options_(options) {}

 private:
  // When the node was last heard of, by our own clock: the clocks of nodes are never compared with it.
  struct Health {
    MonoTime heard{};
    bool reported = false;  // ever
    bool evicting = false;  // its turn for the NoExecute taint has come
  };

  void Subscribe() override {
    nodes_ = Source<Node>();
    leases_ = Source<Lease>({.namespace_ = std::string(kLeaseNamespace)});
    pods_ = Source<Pod>();
    AddNodeIndex(pods_.untyped());
    Listen(leases_.untyped(), {.added = [this](const ObjectPtr& lease) { Heard(lease->name()); },
                               .updated = [this](const ObjectPtr&, const ObjectPtr& after) { Heard(after->name()); }});
    Listen(nodes_.untyped(),
           {.added = [this](const ObjectPtr& node) { NodeAdded(NodePtr(node)); },
            .updated = [this](const ObjectPtr& before,
                              const ObjectPtr& after) { NodeUpdated(NodePtr(before), NodePtr(after)); },
            .deleted =
                [this](const ObjectPtr& last) {
                  health_.erase(last->name());
                  Emit(*last, client::EventType::kNormal, "RemovingNode",
                       fmt::format("Node {} event: Removing Node {} from Controller", last->name(), last->name()));
                }});
  }

  void Heard(const std::string& name) {
    Health& health = health_[name];
    health.heard = world_.clock.Monotonic();
    health.reported = true;
  }

  void NodeAdded(const NodePtr& node) {
    Health& health = health_.try_emplace(node.name(), Health{world_.clock.Monotonic()}).first->second;
    health.reported = health.reported || nodelifecycle::FindCondition(*node, "Ready") != nullptr;
    Emit(*node.object(), client::EventType::kNormal, "RegisteredNode",
         fmt::format("Node {} event: Registered Node {} in Controller", node.name(), node.name()));
    Queue(node.name());
  }

  void NodeUpdated(const NodePtr& before, const NodePtr& after) {
    const auto* was = nodelifecycle::FindCondition(*before, "Ready");
    const auto* is = nodelifecycle::FindCondition(*after, "Ready");
    // Our own changes of the condition are no sign of life: they leave the heartbeat as it was, or say so.
    bool beaten = is != nullptr && (was == nullptr || was->last_heartbeat_time != is->last_heartbeat_time);
    if (beaten && is->reason != "NodeStatusNeverUpdated") Heard(after.name());
    if (before->status.conditions != after->status.conditions || before->spec != after->spec) Queue(after.name());
  }

  // Brings the taints of one node to what its conditions ask for, and tells of its pods that they are not ready.
  Task<Result<void>> Sync(std::string name) override {
    NodePtr node = nodes_.Get("", name);
    if (!node || node.object()->deleting()) co_return Result<void>();
    Readiness readiness = nodelifecycle::ReadinessOf(*node);
    Health& health = health_[name];
    if (readiness == Readiness::kReady || !pace_.allowed) health.evicting = false;
    Evict evict = health.evicting ? Evict::kYes : pace_.allowed ? Evict::kKeep : Evict::kNo;
    auto taints = nodelifecycle::PlanTaints(*node, evict, world_.clock.Now());
    if (taints) {
      json::Array list;
      for (const api::core::Taint& taint : *taints) list.push_back(api::ToJson(taint));
      json::Object metadata{{"resourceVersion", std::to_string(node.object()->revision())}};
      json::Object patch{{"metadata", std::move(metadata)}, {"spec", {{"taints", std::move(list)}}}};
      CO_TRY_VOID(co_await client::MergePatch<Node>(world_.client, "", name, std::move(patch)));
    }
    if (nodelifecycle::FindCondition(*node, "Ready") != nullptr && readiness != Readiness::kReady) {
      CO_TRY_VOID(co_await MarkPodsNotReady(std::move(name)));
    }
    co_return Result<void>();
  }

  Task<Result<void>> MarkPodsNotReady(std::string node) {
    std::vector<PodPtr> pods = pods_.ByIndex(kNodeIndex, node);
    for (const PodPtr& pod : pods) {
      if (!IsReady(*pod)) continue;
      api::core::PodStatus status = pod->status;
      for (api::core::PodCondition& condition : status.conditions) {
        if (condition.type != "Ready") continue;
        condition.status = "False";
        condition.last_transition_time = world_.clock.Now();
      }
      Emit(*pod.object(), client::EventType::kWarning, "NodeNotReady", "Node is not ready");
      Result<ObjectPtr> updated = co_await UpdateStatus(world_.client, pod.object(), api::ToJson(status));
      if (!updated && !updated.error().Is(Reason::kNotFound)) co_return Fail(std::move(updated).error());
    }
    co_return Result<void>();
  }

  Task<void> Background(CancelToken stop) override {
    while (!stop.Requested()) {
      MonoTime before = world_.clock.Monotonic();
      bool waited = co_await world_.clock.Sleep(options_.monitor_period, stop);
      if (!waited) co_return;
      ForgiveStandstill(world_.clock.Monotonic() - before - options_.monitor_period);
      co_await Monitor();
    }
  }

  // While this process stood still nobody was listened to: that is no silence of the nodes.
  void ForgiveStandstill(Duration late) {
    if (late < options_.monitor_period) return;
    for (auto& [name, health] : health_) health.heard += late;
  }

  Task<void> Monitor() {
    std::vector<NodePtr> nodes = nodes_.List();
    std::ranges::sort(nodes, {}, [](const NodePtr& node) { return std::string_view(node.name()); });
    int ready = 0, not_ready = 0;
    for (const NodePtr& node : nodes) {
      if (IsSilent(node)) {
        Result<void> marked = co_await MarkSilent(node);
        if (!marked) LOG_WARN("node-lifecycle-controller", "{}: {}", node.name(), marked.error());
      }
      bool healthy = nodelifecycle::ReadinessOf(*node) == Readiness::kReady;
      ++(healthy ? ready : not_ready);
    }
    SetPace(nodelifecycle::PlanPace(ready, not_ready, {}), nodes);
    EvictNext(nodes);
  }

  bool IsSilent(const NodePtr& node) {
    Health& health = health_.try_emplace(node.name(), Health{world_.clock.Monotonic()}).first->second;
    Duration grace = health.reported ? options_.grace_period : options_.startup_grace;
    return world_.clock.Monotonic() - health.heard > grace;
  }

  Task<Result<void>> MarkSilent(NodePtr node) {
    auto conditions = nodelifecycle::PlanSilence(*node, world_.clock.Now());
    if (!conditions) co_return Result<void>();
    bool was_ready = nodelifecycle::ReadinessOf(*node) == Readiness::kReady;
    json::Value body = node.object()->Parse();
    json::Array list;
    for (const auto& condition : *conditions) list.push_back(api::ToJson(condition));
    json::Value& status = body.as_object()["status"];
    if (!status.is_object()) status.emplace_object();
    status.as_object()["conditions"] = std::move(list);
    CO_TRY_VOID(co_await world_.client.Update(client::RefOf<Node>("", node.name(), "status"), std::move(body)));
    LOG_WARN("node-lifecycle-controller", "node {} has been silent for too long", node.name());
    if (was_ready) {
      Emit(*node.object(), client::EventType::kNormal, "NodeNotReady",
           fmt::format("Node {} status is now: NodeNotReady", node.name()));
    }
    co_return Result<void>();
  }

  void SetPace(nodelifecycle::EvictionPace pace, const std::vector<NodePtr>& nodes) {
    bool flipped = pace.allowed != pace_.allowed;
    pace_ = pace;
    if (!flipped) return;
    LOG_WARN("node-lifecycle-controller", "evictions are {}", pace.allowed ? "resumed" : "suspended: too many nodes fail");
    for (const NodePtr& node : nodes) Queue(node.name());
  }

  // Gives the next node that is not ready its NoExecute taint, one an interval.
  void EvictNext(const std::vector<NodePtr>& nodes) {
    MonoTime now = world_.clock.Monotonic();
    if (!pace_.allowed || (last_eviction_ && now - *last_eviction_ < pace_.interval)) return;
    for (const NodePtr& node : nodes) {
      Health& health = health_[node.name()];
      bool due = nodelifecycle::FindCondition(*node, "Ready") != nullptr &&
                 nodelifecycle::ReadinessOf(*node) != Readiness::kReady && !health.evicting;
      if (!due) continue;
      health.evicting = true;
      last_eviction_ = now;
      Queue(node.name());
      return;
    }
  }

  const NodeLifecycleOptions options_;
  client::Informer<Node> nodes_;
  client::Informer<Lease> leases_;
  client::Informer<Pod> pods_;
  std::unordered_map<std::string, Health> health_;
  nodelifecycle::EvictionPace pace_{true, {}};
  std::optional<MonoTime> last_eviction_;
};

class TaintEvictionController final : public KeyedController {
 public:
  explicit TaintEvictionController(World world)
      : KeyedController(world, {.name = "taint-eviction-controller", .event_component = "taint-eviction-controller"}) {}

 private:
  void Subscribe() override {
    nodes_ = Source<Node>();
    pods_ = Source<Pod>();
    AddNodeIndex(pods_.untyped());
    Listen(nodes_.untyped(), {.added = [this](const ObjectPtr& node) { QueuePods(NodePtr(node)); },
                              .updated =
                                  [this](const ObjectPtr& before, const ObjectPtr& after) {
                                    if (NodePtr(before)->spec.taints != NodePtr(after)->spec.taints) {
                                      QueuePods(NodePtr(after));
                                    }
                                  }});
    Listen(pods_.untyped(), {.added = [this](const ObjectPtr& pod) { PodPlaced(PodPtr(pod)); },
                             .updated =
                                 [this](const ObjectPtr& before, const ObjectPtr& after) {
                                   if (PodPtr(before)->spec.node_name != PodPtr(after)->spec.node_name) {
                                     PodPlaced(PodPtr(after));
                                   }
                                 }});
  }

  static bool HasNoExecute(const NodePtr& node) {
    return std::ranges::any_of(node->spec.taints, [](const auto& taint) { return taint.effect == "NoExecute"; });
  }

  void QueuePods(const NodePtr& node) {
    if (!HasNoExecute(node)) return;
    for (const PodPtr& pod : pods_.ByIndex(kNodeIndex, node.name())) Queue(client::KeyOf(*pod.object()));
  }

  void PodPlaced(const PodPtr& pod) {
    if (pod->spec.node_name.empty()) return;
    NodePtr node = nodes_.Get("", pod->spec.node_name);
    if (node && HasNoExecute(node)) Queue(client::KeyOf(*pod.object()));
  }

  // Decides anew each time: a taint that has gone meanwhile has no effect any more.
  Task<Result<void>> Sync(std::string key) override {
    PodPtr pod = pods_.GetByKey(key);
    if (!pod || pod.object()->deleting() || pod->spec.node_name.empty()) co_return Result<void>();
    NodePtr node = nodes_.Get("", pod->spec.node_name);
    if (!node) co_return Result<void>();
    nodelifecycle::PodFate fate = nodelifecycle::PlanEviction(*pod, node->spec.taints, world_.clock.Now());
    if (!fate.evict) co_return Result<void>();
    if (fate.after > Duration(0)) {
      QueueAfter(std::move(key), fate.after);
      co_return Result<void>();
    }
    Emit(*pod.object(), client::EventType::kNormal, "TaintManagerEviction", "Marking for deletion Pod " + key);
    api::core::PodStatus status = pod->status;
    std::erase_if(status.conditions, [](const auto& condition) { return condition.type == "DisruptionTarget"; });
    status.conditions.push_back({.type = "DisruptionTarget",
                                 .status = "True",
                                 .last_transition_time = world_.clock.Now(),
                                 .reason = "DeletionByTaintManager",
                                 .message = "Taint manager: deleting due to NoExecute taint"});
    Result<ObjectPtr> marked = co_await UpdateStatus(world_.client, pod.object(), api::ToJson(status));
    if (!marked && !marked.error().Is(Reason::kNotFound)) co_return Fail(std::move(marked).error());
    Result<void> deleted =
        co_await client::Delete<Pod>(world_.client, pod.namespace_(), pod.name(), {.uid_precondition = pod.uid()});
    if (!deleted && !deleted.error().Is(Reason::kNotFound)) co_return deleted;
    co_return Result<void>();
  }

  client::Informer<Node> nodes_;
  client::Informer<Pod> pods_;
};

}  // namespace

std::unique_ptr<Controller> NewNodeLifecycleController(World world, NodeLifecycleOptions options) {
  return std::make_unique<NodeLifecycleController>(world, options);
}

std::unique_ptr<Controller> NewTaintEvictionController(World world) {
  return std::make_unique<TaintEvictionController>(world);
}

}  // namespace sampan::controllers
