#include "node/pods/worker.h"

#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "base/saturate.h"
#include "node/pods/resources.h"
#include "node/pods/status.h"

namespace sampan::node {

using namespace api::core;
using std::chrono::seconds;

namespace {

constexpr Duration kRetry = seconds(1);
constexpr Duration kRemovalRetry = seconds(5);

// Conditions that this agent writes; the others are somebody else's.
bool IsOurs(std::string_view condition) {
  return condition == "PodReadyToStartContainers" || condition == "Initialized" || condition == "ContainersReady" ||
         condition == "Ready" || condition == "PodResizePending" || condition == "PodResizeInProgress";
}

// Our status with the conditions that others have changed meanwhile.
PodStatus WithForeign(PodStatus ours, const PodStatus& theirs) {
  std::erase_if(ours.conditions, [](const PodCondition& condition) { return !IsOurs(condition.type); });
  for (const PodCondition& condition : theirs.conditions) {
    if (!IsOurs(condition.type)) ours.conditions.push_back(condition);
  }
  ours.nominated_node_name = theirs.nominated_node_name;
  return ours;
}

}  // namespace

PodWorker::PodWorker(PodServices& services, client::TypedPtr<Pod> pod)
    : services_(services), pod_(std::make_shared<const Pod>(*pod)) {
  services_.status.Observe(pod);
}

PodWorker::PodWorker(PodServices& services, std::shared_ptr<const Pod> pod, Origin origin)
    : services_(services), pod_(std::move(pod)), is_static_(origin == Origin::kManifest) {
  memory_.gone = origin == Origin::kGone;
}

PodWorker::~PodWorker() = default;

void PodWorker::Update(const client::TypedPtr<Pod>& pod) {
  services_.status.Observe(pod);
  const api::meta::ObjectMeta& before = pod_->metadata;
  const api::meta::ObjectMeta& after = pod->metadata;
  const bool ends = after.deletion_timestamp && !before.deletion_timestamp;
  const bool sooner = after.deletion_grace_period_seconds != before.deletion_grace_period_seconds;
  auto copy = std::make_shared<Pod>(*pod);
  // The status we built last is ahead of what the server tells.
  if (!pod_->status.phase.empty() && !IsTerminal(pod->status)) copy->status = WithForeign(pod_->status, pod->status);
  pod_ = std::move(copy);
  // A pull, a hook or a longer grace that is under way does not hold up the end.
  if ((ends || sooner) && pass_) pass_->Cancel();
  Wake();
}

void PodWorker::ObserveMirror(const client::TypedPtr<Pod>& mirror) {
  services_.status.ObserveAs(pod_->metadata.uid, mirror);
  Wake();
}

void PodWorker::MarkGone() {
  memory_.gone = true;
  if (pass_) pass_->Cancel();
  Wake();
}

void PodWorker::RuntimeChanged() {
  runtime_dirty_ = true;
  Wake();
}

void PodWorker::Evict(std::string reason, std::string message) {
  if (!memory_.failed_reason.empty()) return;
  memory_.failed_reason = std::move(reason);
  memory_.failed_message = std::move(message);
  if (pass_) pass_->Cancel();
  Wake();
}

void PodWorker::Refuse(std::string reason, std::string message, Duration after) {
  memory_.failed_reason = std::move(reason);
  memory_.failed_message = std::move(message);
  refused_after_ = after;
}

Task<bool> PodWorker::Run(CancelToken stop) {
  if (refused_after_ > Duration(0)) {
    pass_.emplace(stop);
    co_await services_.clock.Sleep(refused_after_, pass_->token());
  }
  while (!stop.Requested() && !memory_.torn_down) {
    pass_.emplace(stop);
    Result<Next> next = co_await Contained("pod worker", Pass(pass_->token()));
    pass_.reset();
    if (!next) {
      escapes_.Next(services_.clock.Now());
      runtime_dirty_ = true;
      wake_after_ = escapes_.pause;
    }
    if (next.value_or(Next::kWait) == Next::kWait && !memory_.torn_down) co_await Wait(stop);
  }
  for (auto& [name, watched] : watched_) watched.stop.Cancel();
  co_await gate_.Close();
  co_return memory_.torn_down;
}

Task<Result<PodWorker::Next>> PodWorker::Pass(CancelToken stop) {
  wake_after_.reset();
  if (runtime_dirty_) {
    runtime_dirty_ = false;
    Result<void> fetched = co_await Fetch();
    if (!fetched) {
      LOG_WARN("node", "pod {}/{}: {}", pod_->metadata.namespace_, pod_->metadata.name, fetched.error());
      runtime_dirty_ = true;
      wake_after_ = kRetry;
      co_return Next::kWait;
    }
  }
  CheckDeadline();
  SyncProbes();
  SyncSizes();
  PodPtr pod = pod_;
  PodPlan plan = PlanPod(View(*pod));
  if (plan.terminating && !memory_.terminating_since) {
    memory_.terminating_since = services_.clock.Now();
    SyncProbes();  // ends them: what is being stopped is not unhealthy
  }
  TellWaiting(plan);
  Publish(pod, plan);
  wake_after_ = plan.wake_after;
  Next next = Next::kWait;
  if (plan.finished) {
    next = co_await Finish(pod, stop);
  } else {
    next = co_await Execute(pod, std::move(plan), stop);
  }
  co_return next;
}

Task<PodWorker::Next> PodWorker::Execute(PodPtr pod, PodPlan plan, CancelToken stop) {
  bool acted = false;
  if (!plan.kill.empty()) {
    std::vector<Task<bool>> kills;
    for (KillContainer& kill : plan.kill) kills.push_back(Kill(pod, std::move(kill), stop));
    co_await WhenAll(std::move(kills));
    acted = true;
  }
  for (std::string& id : plan.remove) {
    co_await RemoveRun(pod, std::move(id));
    acted = true;
  }
  for (std::string& id : plan.stop_sandboxes) {
    Result<void> stopped = co_await services_.runtime.StopSandbox(id);
    if (!stopped) {
      Event(client::EventType::kWarning, "FailedKillPod", fmt::format("error killing pod: {}", stopped.error()));
      runtime_dirty_ = true;
      wake_after_ = kRetry;
      co_return Next::kWait;
    }
    acted = true;
  }
  for (std::string& id : plan.remove_sandboxes) {
    Result<void> removed = co_await services_.runtime.RemoveSandbox(id);
    if (!removed) LOG_DEBUG("node", "cannot remove sandbox {}: {}", id, removed.error());
    acted |= removed.has_value();
  }
  if (!plan.resize.empty() && !stop.Requested()) {
    co_await Resize(pod, std::move(plan.resize));
    co_return Next::kAgain;
  }
  runtime_dirty_ |= acted;
  // These two look at what they have made themselves.
  if (plan.run_sandbox && !stop.Requested()) {
    Result<void> ran = co_await RunSandbox(pod, *plan.run_sandbox);
    memory_.retry_at.reset();
    if (!ran) memory_.retry_at = services_.clock.Now() + 2 * kRetry;
    acted = true;
  } else if (!plan.start.empty() && !stop.Requested()) {
    co_await Start(pod, std::move(plan.start.front()), stop);
    acted = true;
  }
  if (acted) co_return Next::kAgain;
  if (!plan.terminating) co_await RefreshVolumes(pod);
  co_return Next::kWait;
}

Task<PodWorker::Next> PodWorker::Finish(PodPtr pod, CancelToken stop) {
  const bool deleted = pod->metadata.deletion_timestamp || memory_.gone;
  if (!deleted) {
    // Dead containers stay for their logs; what they had mounted goes.
    if (!removed_) {
      Result<void> removed = co_await services_.volumes.TearDown(pod->metadata.uid);
      removed_ = removed.has_value();
      volumes_fresh_until_.reset();
    }
    co_return Next::kWait;
  }
  if (!memory_.gone) co_await services_.status.Flush(pod->metadata.uid, stop);
  Result<void> removed = co_await RemoveEverything(pod);
  if (!removed) {
    LOG_WARN("node", "cannot remove pod {}/{}: {}", pod->metadata.namespace_, pod->metadata.name, removed.error());
    runtime_dirty_ = true;
    wake_after_ = kRemovalRetry;
    co_return Next::kWait;
  }
  if (memory_.gone) {
    services_.status.Forget(pod->metadata.uid);
    memory_.torn_down = true;
    co_return Next::kAgain;
  }
  Result<void> done = co_await client::Delete<Pod>(
      services_.client, pod->metadata.namespace_, pod->metadata.name,
      {.grace_period_seconds = 0, .propagation_policy = {}, .uid_precondition = pod->metadata.uid});
  if (!done && (done.error().Is(Reason::kNotFound) || done.error().Is(Reason::kConflict))) {
    memory_.gone = true;
    co_return Next::kAgain;
  }
  wake_after_ = done ? Duration(seconds(10)) : kRetry;  // the informer tells when it is gone
  co_return Next::kWait;
}

Task<void> PodWorker::Wait(CancelToken stop) {
  std::optional<Duration> delay = wake_after_;
  auto sooner = [&](WallTime at) {
    Duration left = std::max<Duration>(at - services_.clock.Now(), std::chrono::milliseconds(1));
    delay = std::min(delay.value_or(left), left);
  };
  // Overdue when the pass did not come to it: not at once then, or a pod that cannot go on would spin.
  if (volumes_fresh_until_ && !terminating()) sooner(std::max(*volumes_fresh_until_, services_.clock.Now() + kRetry));
  const bool may_expire = memory_.failed_reason.empty() && !IsTerminal(pod_->status) && !terminating();
  if (pod_->spec.active_deadline_seconds && pod_->status.start_time && may_expire) {
    sooner(SaturatedSum(*pod_->status.start_time, BoundedSeconds(*pod_->spec.active_deadline_seconds)));
  }
  std::optional<Clock::TimerId> timer;
  if (delay) timer = services_.clock.After(*delay, [wake = wake_] { wake->TryPush(true); });
  CancelToken::Subscription stopped = stop.OnCancel([wake = wake_] { wake->TryPush(true); });
  co_await wake_->Pop();
  if (timer) services_.clock.Cancel(*timer);
}

void PodWorker::CheckDeadline() {
  if (!pod_->spec.active_deadline_seconds || !pod_->status.start_time || !memory_.failed_reason.empty()) return;
  if (IsTerminal(pod_->status) || terminating()) return;
  if (services_.clock.Now() < SaturatedSum(*pod_->status.start_time, BoundedSeconds(*pod_->spec.active_deadline_seconds)))
    return;
  memory_.failed_reason = "DeadlineExceeded";
  memory_.failed_message = "Pod was active on the node longer than the specified deadline";
  Event(client::EventType::kNormal, "DeadlineExceeded", memory_.failed_message);
}

void PodWorker::Publish(const PodPtr& pod, const PodPlan& plan) {
  if (memory_.gone) return;
  PodStatus status = BuildPodStatus({View(*pod), plan, services_.host_ip});
  if (status != pod_->status) {
    auto copy = std::make_shared<Pod>(*pod_);
    copy->status = status;
    pod_ = std::move(copy);
  }
  services_.status.Set(pod->metadata.uid, std::make_shared<const PodStatus>(std::move(status)));
}

// One event for each new reason to wait.
void PodWorker::TellWaiting(const PodPlan& plan) {
  for (const auto& [name, reason] : plan.waiting) {
    WaitingReason& told = told_[name];
    if (told == reason) continue;
    told = reason;
    Event(client::EventType::kWarning, "BackOff",
          fmt::format("Back-off restarting failed container {} in pod {}_{}({})", name, pod_->metadata.name,
                      pod_->metadata.namespace_, pod_->metadata.uid),
          name);
  }
}

void PodWorker::Event(client::EventType type, std::string_view reason, std::string message, std::string_view container) {
  client::EventSubject subject;
  subject.api_version = "v1";
  subject.kind = "Pod";
  subject.namespace_ = pod_->metadata.namespace_;
  subject.name = pod_->metadata.name;
  subject.uid = pod_->metadata.uid;
  subject.resource_version = pod_->metadata.resource_version;
  if (!container.empty()) {
    auto named = [&](const auto& one) { return one.name == container; };
    std::string_view list = "containers";
    if (std::ranges::any_of(pod_->spec.init_containers, named)) list = "initContainers";
    if (std::ranges::any_of(pod_->spec.ephemeral_containers, named)) list = "ephemeralContainers";
    subject.field_path = fmt::format("spec.{}{{{}}}", list, container);
  }
  services_.events.Record(subject, type, reason, std::move(message));
}

PodFacts PodWorker::Facts() const {
  return {PodIp(), services_.host_ip, services_.node_name, services_.allocatable};
}

std::string PodWorker::PodIp() const {
  if (pod_->spec.host_network.value_or(false)) return services_.host_ip;
  const cri::Sandbox* sandbox = runtime_.sandbox();
  return sandbox == nullptr || sandbox->ips.empty() ? std::string() : sandbox->ips.front();
}

const Container* PodWorker::FindContainer(const Pod& pod, std::string_view name) const {
  for (const auto* list : {&pod.spec.containers, &pod.spec.init_containers}) {
    auto found = std::ranges::find(*list, name, &Container::name);
    if (found != list->end()) return &*found;
  }
  return nullptr;
}

}  // namespace sampan::node
