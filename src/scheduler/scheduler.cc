#include "scheduler/scheduler.h"

#include "async/channel.h"
#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "client/events.h"
#include "client/typed.h"
#include "scheduler/algorithm.h"
#include "scheduler/preemption.h"
#include "scheduler/queue.h"

namespace sampan::scheduler {
namespace {

using api::core::Namespace;
using api::core::Node;
using api::core::Pod;

constexpr size_t kBurstWorthTelling = 100;
constexpr size_t kMostUntold = 4096;

bool Finished(const Pod& pod) {
  return pod.status.phase == "Succeeded" || pod.status.phase == "Failed";
}
bool Assigned(const Pod& pod) {
  return !pod.spec.node_name.empty() && !Finished(pod);
}

json::Value BindingTo(const PodInfo& pod, const std::string& node) {
  return json::Object{
      {"apiVersion", "v1"},
      {"kind", "Binding"},
      {"metadata", json::Object{{"name", pod.pod.name()}, {"namespace", pod.pod.namespace_()}, {"uid", pod.pod.uid()}}},
      {"target", json::Object{{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node}}}};
}

json::Value ConditionPatch(const Pod& pod, std::string_view type, std::string_view status, std::string_view reason,
                           const std::string& message, WallTime now) {
  json::Object condition{
      {"type", type}, {"status", status}, {"reason", reason}, {"message", message}, {"lastTransitionTime", FormatTime(now)}};
  if (pod.metadata.generation) condition["observedGeneration"] = *pod.metadata.generation;
  return json::Object{{"status", json::Object{{"conditions", json::Array{std::move(condition)}}}}};
}

bool AlreadySays(const Pod& pod, const std::string& message) {
  for (const auto& condition : pod.status.conditions) {
    if (condition.type == "PodScheduled") return condition.status == "False" && condition.message == message;
  }
  return false;
}

}  // namespace

class Scheduler::Impl {
 public:
  Impl(const Dependencies& dependencies, SchedulerOptions options)
      : client_(dependencies.client),
        clock_(dependencies.clock),
        rng_(dependencies.rng),
        pool_(dependencies.pool),
        strand_(NewStrand(dependencies.pool)),
        events_strand_(NewStrand(dependencies.pool)),
        options_(std::move(options)),
        pods_(dependencies.informers.For<Pod>()),
        nodes_(dependencies.informers.For<Node>()),
        namespaces_(dependencies.informers.For<Namespace>()),
        events_(client_, clock_, rng_, {.component = options_.name, .host = {}, .queue_capacity = 2 * kMostUntold}) {}

  Executor& strand() { return *strand_; }

  Task<void> Run(CancelToken stop) {
    CancelSource own(stop);
    co_await Finally(Work(own.token()), End(&own));
  }

 private:
  Task<void> End(CancelSource* own) {
    own->Cancel();
    co_await gate_.Close();
  }

  Task<void> Work(CancelToken stop) {
    Spawn(*events_strand_, gate_, events_.Run(stop));
    auto nodes = nodes_->Subscribe(*strand_, NodeHandlers());
    auto namespaces = namespaces_->Subscribe(*strand_, NamespaceHandlers());
    bool synced = co_await nodes_->WaitSynced(stop);
    if (synced) synced = co_await namespaces_->WaitSynced(stop);
    auto pods = pods_->Subscribe(*strand_, PodHandlers());
    if (synced) synced = co_await pods_->WaitSynced(stop);
    if (!synced) co_return;
    auto waker = stop.OnCancel([wake = wake_] { wake->TryPush(true); });
    while (!stop.Requested()) {
      Contain("scheduling batch", [this] { ScheduleBatch(); });
      co_await WaitForWork();
    }
  }

  client::ObjectHandlers NodeHandlers() {
    auto put = [this](const client::ObjectPtr& node) {
      if (cluster_.PutNode(NodePtr(node))) ClusterChanged();
    };
    return {.added = put,
            .updated = [put](const client::ObjectPtr&, const client::ObjectPtr& after) { put(after); },
            .deleted = [this](const client::ObjectPtr& node) { cluster_.RemoveNode(node->name()); }};
  }

  // Their labels: pods may ask for pods of namespaces that have some.
  client::ObjectHandlers NamespaceHandlers() {
    auto put = [this](const client::ObjectPtr& space) {
      cluster_.PutNamespace(space->name(), space->head().labels);
      NeighboursChanged();
    };
    return {.added = put,
            .updated =
                [put](const client::ObjectPtr& before, const client::ObjectPtr& after) {
                  if (before->head().labels != after->head().labels) put(after);
                },
            .deleted = [this](const client::ObjectPtr& space) { cluster_.RemoveNamespace(space->name()); }};
  }

  client::ObjectHandlers PodHandlers() {
    return {.added = [this](const client::ObjectPtr& pod) { PutPod(PodPtr(pod), Queue::Change::kMayHelp); },
            .updated =
                [this](const client::ObjectPtr& before, const client::ObjectPtr& after) {
                  bool same =
                      before->head().generation == after->head().generation && before->head().labels == after->head().labels;
                  PutPod(PodPtr(after), same ? Queue::Change::kStatusOnly : Queue::Change::kMayHelp);
                },
            .deleted =
                [this](const client::ObjectPtr& pod) {
                  queue_.Remove(pod->uid());
                  cluster_.Unnominate(pod->uid());
                  if (cluster_.RemovePod(pod->uid())) ClusterChanged();
                }};
  }

  void PutPod(PodPtr pod, Queue::Change change) {
    if (Assigned(*pod)) {
      queue_.Remove(pod.uid());
      if (cluster_.PutPod(PodInfo(pod), pod->spec.node_name)) NeighboursChanged();
      return;
    }
    if (Finished(*pod)) {
      queue_.Remove(pod.uid());
      if (cluster_.RemovePod(pod.uid())) ClusterChanged();
      return;
    }
    if (pod.object()->deleting() || pod->spec.scheduler_name != options_.name || !pod->spec.scheduling_gates.empty()) {
      queue_.Remove(pod.uid());
      return;
    }
    auto info = std::make_shared<const PodInfo>(std::move(pod));
    // What was promised before this scheduler began.
    const std::string& promised = info->pod->status.nominated_node_name;
    if (!promised.empty() && !cluster_.IsNominated(info->pod.uid())) cluster_.Nominate(info, promised);
    queue_.Put(std::move(info), change, clock_.Monotonic());
    wake_->TryPush(true);
  }

  void NeighboursChanged() {
    queue_.NeighboursChanged(clock_.Monotonic());
    wake_->TryPush(true);
  }

  void ClusterChanged() {
    queue_.ClusterChanged(clock_.Monotonic());
    wake_->TryPush(true);
  }

  // Returns when something changed or the next backoff ends.
  Task<void> WaitForWork() {
    bool full = gate_.holders() > options_.bindings_in_flight;
    std::optional<MonoTime> next = full ? std::nullopt : queue_.NextWake();
    Clock::TimerId timer = 0;
    if (next) {
      Duration delay = std::max(Duration(0), *next - clock_.Monotonic());
      if (delay == Duration(0)) {
        co_await Yield();
        co_return;
      }
      timer = clock_.After(delay, [wake = wake_] { wake->TryPush(true); });
    }
    (void)co_await wake_->Pop();
    if (timer != 0) clock_.Cancel(timer);
  }

  void ScheduleBatch() {
    size_t under_way = gate_.holders();
    if (under_way > options_.bindings_in_flight) return;
    MonoTime now = clock_.Monotonic();
    if (burst_.pods == 0) burst_.began = now;
    for (PodInfoPtr& pod : queue_.Pop(options_.batch, now)) {
      if (!Contain("scheduling attempt", [&] { Attempt(pod, now); })) queue_.Fail(pod->pod.uid(), FailureKind::kError, now);
    }
  }

  void Attempt(const PodInfoPtr& pod, MonoTime now) {
    if (std::string refusal = RefusalOf(*pod, cluster_); !refusal.empty()) {
      queue_.Fail(pod->pod.uid(), FailureKind::kUnschedulable, now);
      Spawn(*strand_, gate_, TellUnschedulable(pod, std::move(refusal), {}));
      return;
    }
    Decision decision = ChooseNode(*pod, cluster_, start_, rng_);
    start_ = decision.next_start;
    if (decision.node == nullptr) return FailedToFit(pod, now);
    std::string node = decision.node->name;
    cluster_.PutPod(*pod, node);  // assumed until the informer shows it
    queue_.NeighboursChanged(now);
    Spawn(*strand_, gate_, Bind(pod, std::move(node)));
  }

  // Says why, and makes room where pods of less priority can give way.
  void FailedToFit(const PodInfoPtr& pod, MonoTime now) {
    Diagnosis diagnosis = Diagnose(*pod, cluster_);
    Preemption preemption = PlanPreemption(*pod, cluster_, diagnosis);
    queue_.Fail(pod->pod.uid(), FailureKind::kUnschedulable, now);
    std::string message = std::move(diagnosis.message);
    if (!preemption.message.empty()) message += " " + preemption.message;
    std::string promised;
    if (preemption.node != nullptr) {
      promised = preemption.node->name;
      Promise(pod, *preemption.node);
      for (const PlacedPod* victim : preemption.victims) Spawn(*strand_, gate_, Evict(victim->pod, pod, promised));
    }
    Spawn(*strand_, gate_, TellUnschedulable(pod, std::move(message), std::move(promised)));
  }

  // The room that is made there is the pod's. Pods of less priority that had been promised a place there look again.
  void Promise(const PodInfoPtr& pod, const NodeInfo& node) {
    std::string name = node.name;
    std::vector<PodInfoPtr> outbid;
    for (const PodInfoPtr& nominee : node.nominees) {
      if (nominee->priority < pod->priority) outbid.push_back(nominee);
    }
    for (const PodInfoPtr& nominee : outbid) cluster_.Unnominate(nominee->pod.uid());
    cluster_.Nominate(pod, name);
  }

  Task<void> Evict(PodPtr victim, PodInfoPtr for_whom, std::string node) {
    client::Ref status = client::RefOf<Pod>(victim.namespace_(), victim.name(), "status");
    json::Value patch =
        ConditionPatch(*victim, "DisruptionTarget", "True", "PreemptionByScheduler",
                       fmt::format("{}: preempting to accommodate a higher priority pod", options_.name), clock_.Now());
    patch.as_object()["metadata"] = json::Object{{"uid", victim.uid()}};
    auto marked = co_await client_.Patch(std::move(status), std::move(patch), {.type = client::PatchType::kStrategic});
    if (!marked && marked.error().Is(Reason::kNotFound)) co_return;
    auto deleted =
        co_await client_.Delete(client::RefOf<Pod>(victim.namespace_(), victim.name()), {.uid_precondition = victim.uid()});
    if (!deleted) {
      if (!deleted.error().Is(Reason::kNotFound)) {
        LOG_WARN("scheduler", "preempting {}/{}: {}", victim.namespace_(), victim.name(), deleted.error());
      }
      co_return;
    }
    events_.Record(*victim.object(), client::EventType::kNormal, "Preempted",
                   fmt::format("Preempted by pod {} on node {}", for_whom->pod.uid(), node));
  }

  Task<Result<client::ObjectPtr>> CallBinding(PodInfoPtr pod, std::string node) {
    client::Ref ref = client::RefOf<Pod>(pod->pod.namespace_(), pod->pod.name(), "binding");
    return RunOn(pool_, client_.Create(std::move(ref), BindingTo(*pod, node)));
  }

  Task<void> Bind(PodInfoPtr pod, std::string node) {
    ++binding_;
    // Not on the strand, which decides the next pods meanwhile.
    auto bound = co_await Contained("binding", CallBinding(pod, node));
    --binding_;
    if (bound) {
      queue_.Done(pod->pod.uid());
      CountBound();
      untold_.emplace_back(pod, std::move(node));
      if (Drained() || untold_.size() >= kMostUntold) TellScheduled();
    } else {
      LOG_WARN("scheduler", "binding {}/{} to {}: {}", pod->pod.namespace_(), pod->pod.name(), node, bound.error());
      cluster_.RemovePod(pod->pod.uid());
      // Tried again after a while, unless the informer tells before that it is gone or has a node; it may lag behind.
      queue_.Fail(pod->pod.uid(), FailureKind::kError, clock_.Monotonic());
      auto current = pods_.Get(pod->pod.namespace_(), pod->pod.name());
      if (current && Assigned(*current)) PutPod(current, Queue::Change::kStatusOnly);
      if (!bound.error().Is(Reason::kNotFound) && !bound.error().Is(Reason::kConflict)) {
        events_.Record(*pod->pod.object(), client::EventType::kWarning, "FailedScheduling", bound.error().message());
      }
      queue_.ClusterChanged(clock_.Monotonic());
    }
    wake_->TryPush(true);
  }

  // The informer may show a binding before the call that made it returns, so the queue alone does not tell.
  bool Drained() const { return queue_.idle() && binding_ == 0; }

  // Events come after the bindings: no pod waits for the words about another.
  void TellScheduled() {
    for (const auto& [pod, node] : std::exchange(untold_, {})) {
      events_.Record(*pod->pod.object(), client::EventType::kNormal, "Scheduled",
                     fmt::format("Successfully assigned {}/{} to {}", pod->pod.namespace_(), pod->pod.name(), node));
    }
  }

  // Many pods at once, from the first decision to the last binding, are worth a line.
  void CountBound() {
    ++burst_.pods;
    if (!Drained()) return;
    Burst done = std::exchange(burst_, {});
    if (done.pods < kBurstWorthTelling) return;
    std::chrono::duration<double> took = clock_.Monotonic() - done.began;
    LOG_INFO("scheduler", "bound {} pods in {:.3f} s", done.pods, took.count());
  }

  Task<void> TellUnschedulable(PodInfoPtr pod, std::string message, std::string promised) {
    events_.Record(*pod->pod.object(), client::EventType::kWarning, "FailedScheduling", message);
    if (AlreadySays(*pod->pod, message) && (promised.empty() || pod->pod->status.nominated_node_name == promised)) co_return;
    client::Ref ref = client::RefOf<Pod>(pod->pod.namespace_(), pod->pod.name(), "status");
    json::Value patch = ConditionPatch(*pod->pod, "PodScheduled", "False", "Unschedulable", message, clock_.Now());
    if (!promised.empty()) patch.at("status").as_object()["nominatedNodeName"] = promised;
    auto patched = co_await client_.Patch(std::move(ref), std::move(patch),
                                          {.type = client::PatchType::kStrategic, .field_manager = "kube-scheduler"});
    if (!patched && !patched.error().Is(Reason::kNotFound)) {
      LOG_WARN("scheduler", "condition of {}/{}: {}", pod->pod.namespace_(), pod->pod.name(), patched.error());
    }
  }

  client::Client& client_;
  Clock& clock_;
  Rng& rng_;
  Executor& pool_;
  std::unique_ptr<Executor> strand_;
  std::unique_ptr<Executor> events_strand_;  // so that recording does not hold up the next decision
  SchedulerOptions options_;
  client::Informer<Pod> pods_;
  client::Informer<Node> nodes_;
  client::Informer<Namespace> namespaces_;
  client::EventRecorder events_;

  // Below: touched on the strand only.
  Cluster cluster_;
  Queue queue_;
  size_t start_ = 0;
  size_t binding_ = 0;  // calls under way
  struct Burst {
    size_t pods = 0;
    MonoTime began{};
  };
  Burst burst_;                                             // since the queue was last idle
  std::vector<std::pair<PodInfoPtr, std::string>> untold_;  // bound, and to which node, without an event so far
  std::shared_ptr<Channel<bool>> wake_ = std::make_shared<Channel<bool>>(1);
  Gate gate_;
};

Scheduler::Scheduler(const Dependencies& dependencies, SchedulerOptions options)
    : impl_(std::make_unique<Impl>(dependencies, std::move(options))) {}
Scheduler::~Scheduler() = default;

Task<void> Scheduler::Run(CancelToken stop) {
  return RunOn(impl_->strand(), impl_->Run(std::move(stop)));
}

}  // namespace sampan::scheduler
