#include "scheduler/scheduler.h"

#include "async/channel.h"
#include "async/spawn.h"
#include "base/log.h"
#include "client/events.h"
#include "client/typed.h"
#include "scheduler/algorithm.h"
#include "scheduler/queue.h"

namespace sampan::scheduler {
namespace {

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

json::Value UnschedulableCondition(const std::string& message, WallTime now) {
  return json::Object{
      {"status", json::Object{{"conditions", json::Array{json::Object{{"type", "PodScheduled"},
                                                                      {"status", "False"},
                                                                      {"reason", "Unschedulable"},
                                                                      {"message", message},
                                                                      {"lastTransitionTime", FormatTime(now)}}}}}}};
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
        events_(client_, clock_, rng_, {.component = options_.name, .host = {}, .queue_capacity = 2 * kMostUntold}) {}

  Executor& strand() { return *strand_; }

  Task<void> Run(CancelToken stop) {
    Spawn(*events_strand_, gate_, events_.Run(stop));
    auto nodes = nodes_->Subscribe(*strand_, NodeHandlers());
    bool synced = co_await nodes_->WaitSynced(stop);
    auto pods = pods_->Subscribe(*strand_, PodHandlers());
    if (synced) synced = co_await pods_->WaitSynced(stop);
    if (synced) {
      auto waker = stop.OnCancel([wake = wake_] { wake->TryPush(true); });
      while (!stop.Requested()) {
        ScheduleBatch();
        co_await WaitForWork();
      }
    }
    co_await gate_.Close();
  }

 private:
  client::ObjectHandlers NodeHandlers() {
    auto put = [this](const client::ObjectPtr& node) {
      if (cluster_.PutNode(NodePtr(node))) ClusterChanged();
    };
    return {.added = put,
            .updated = [put](const client::ObjectPtr&, const client::ObjectPtr& after) { put(after); },
            .deleted = [this](const client::ObjectPtr& node) { cluster_.RemoveNode(node->name()); }};
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
                  if (cluster_.RemovePod(pod->uid())) ClusterChanged();
                }};
  }

  void PutPod(PodPtr pod, Queue::Change change) {
    if (Assigned(*pod)) {
      queue_.Remove(pod.uid());
      cluster_.PutPod(PodInfo(pod), pod->spec.node_name);
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
    queue_.Put(std::make_shared<const PodInfo>(std::move(pod)), change, clock_.Monotonic());
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
      Decision decision = ChooseNode(*pod, cluster_, start_, rng_);
      start_ = decision.next_start;
      if (decision.node == nullptr) {
        std::string message = ExplainUnschedulable(*pod, cluster_);
        queue_.Fail(pod->pod.uid(), FailureKind::kUnschedulable, now);
        Spawn(*strand_, gate_, TellUnschedulable(pod, std::move(message)));
        continue;
      }
      std::string node = decision.node->name;
      cluster_.PutPod(*pod, node);  // assumed until the informer shows it
      Spawn(*strand_, gate_, Bind(pod, std::move(node)));
    }
  }

  Task<void> Bind(PodInfoPtr pod, std::string node) {
    client::Ref ref = client::RefOf<Pod>(pod->pod.namespace_(), pod->pod.name(), "binding");
    ++binding_;
    // Not on the strand, which decides the next pods meanwhile.
    auto bound = co_await RunOn(pool_, client_.Create(std::move(ref), BindingTo(*pod, node)));
    --binding_;
    if (bound) {
      queue_.Done(pod->pod.uid());
      CountBound();
      untold_.emplace_back(pod, std::move(node));
      if (Drained() || untold_.size() >= kMostUntold) TellScheduled();
    } else {
      LOG_WARN("scheduler", "binding {}/{} to {}: {}", pod->pod.namespace_(), pod->pod.name(), node, bound.error());
      cluster_.RemovePod(pod->pod.uid());
      // A pod that is gone or has a node already is told by the informer; trying it again would be wrong.
      if (bound.error().Is(Reason::kNotFound) || bound.error().Is(Reason::kConflict)) {
        queue_.Done(pod->pod.uid());
        if (auto current = pods_.Get(pod->pod.namespace_(), pod->pod.name())) PutPod(current, Queue::Change::kStatusOnly);
      } else {
        queue_.Fail(pod->pod.uid(), FailureKind::kError, clock_.Monotonic());
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

  Task<void> TellUnschedulable(PodInfoPtr pod, std::string message) {
    events_.Record(*pod->pod.object(), client::EventType::kWarning, "FailedScheduling", message);
    if (AlreadySays(*pod->pod, message)) co_return;
    client::Ref ref = client::RefOf<Pod>(pod->pod.namespace_(), pod->pod.name(), "status");
    auto patched = co_await client_.Patch(std::move(ref), UnschedulableCondition(message, clock_.Now()),
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
