#include "node/pods/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/saturate.h"
#include "node/pods/resize.h"

namespace sampan::node {
namespace {

using api::core::Container;
using api::core::Pod;
using api::core::PodSpec;
using std::chrono::seconds;

constexpr int64_t kMostGraceOfTheGone = 30;       // seconds, what pods have that ask for none
constexpr Duration kDeferredRetry = seconds(10);  // of a resize that waits for other pods
constexpr size_t kKeptRuns = 2;                   // the last run and, for `logs --previous` and lastState, the one before

bool Runs(const cri::Container& container) {
  return container.state == cri::ContainerState::kRunning || container.state == cri::ContainerState::kUnknown;
}

void WakeAfter(PodPlan& plan, Duration delay) {
  plan.wake_after = std::min(plan.wake_after.value_or(delay), delay);
}

class Planner {
 public:
  explicit Planner(const PodView& view) : view_(view), spec_(view.pod.spec) {}

  PodPlan Plan() {
    RemoveOldRuns();
    RemoveOldSandboxes();
    if (MustEnd()) {
      Terminate();
      return std::move(plan_);
    }
    const cri::Sandbox* sandbox = view_.runtime.sandbox();
    if (sandbox == nullptr || sandbox->state != cri::SandboxState::kReady) {
      PlanSandbox(sandbox);
      return std::move(plan_);
    }
    sandbox_id_ = sandbox->id;
    for (const cri::Sandbox& old : view_.runtime.sandboxes) {
      if (&old != sandbox && old.state == cri::SandboxState::kReady) plan_.stop_sandboxes.push_back(old.id);
    }
    PlanEphemeral();
    if (!PlanInit()) return std::move(plan_);
    PlanMain();
    return std::move(plan_);
  }

 private:
  bool MustEnd() const {
    return view_.pod.metadata.deletion_timestamp.has_value() || view_.memory.gone || !view_.memory.failed_reason.empty() ||
           IsTerminal(view_.pod.status);
  }

  // Sidecars are ended after the containers they serve, the last started first.
  void Terminate() {
    plan_.terminating = true;
    Duration grace = RemainingGrace(view_);
    for (const cri::Container& container : view_.runtime.containers) {
      if (Runs(container) && !FindSidecar(container.name)) Kill(container, {}, grace);
    }
    if (!plan_.kill.empty()) return;
    for (auto sidecar = spec_.init_containers.rbegin(); sidecar != spec_.init_containers.rend(); ++sidecar) {
      for (const cri::Container& container : view_.runtime.containers) {
        if (Runs(container) && container.name == sidecar->name) Kill(container, {}, grace);
      }
      if (!plan_.kill.empty()) return;
    }
    for (const cri::Sandbox& sandbox : view_.runtime.sandboxes) {
      if (sandbox.state == cri::SandboxState::kReady) plan_.stop_sandboxes.push_back(sandbox.id);
    }
    plan_.finished = plan_.stop_sandboxes.empty();
  }

  void PlanSandbox(const cri::Sandbox* broken) {
    if (AllDone() || InitFailed()) {  // nothing would run in a new one
      Terminate();
      return;
    }
    // What still runs belongs to a sandbox that is gone, and would be in the way of the new one.
    for (const cri::Container& container : view_.runtime.containers) {
      if (Runs(container)) Kill(container, "Pod sandbox changed, it will be killed and re-created.", RemainingGrace(view_));
    }
    for (const cri::Sandbox& sandbox : view_.runtime.sandboxes) {
      if (sandbox.state == cri::SandboxState::kReady) plan_.stop_sandboxes.push_back(sandbox.id);
    }
    if (view_.memory.retry_at && *view_.memory.retry_at > view_.now) {
      WakeAfter(plan_, *view_.memory.retry_at - view_.now);
      return;
    }
    plan_.run_sandbox = broken == nullptr ? 0 : broken->attempt + 1;
  }

  // They start once, whatever becomes of the other containers, and are never restarted.
  void PlanEphemeral() {
    for (const api::core::EphemeralContainer& ephemeral : spec_.ephemeral_containers) {
      if (view_.runtime.Latest(ephemeral.name) != nullptr) continue;
      const ContainerMemory& memory = view_.memory.Of(ephemeral.name);
      if (memory.retry_at && *memory.retry_at > view_.now) {
        WakeAfter(plan_, *memory.retry_at - view_.now);
        continue;
      }
      std::string target_id;
      if (!ephemeral.target_container_name.empty()) {
        const cri::Container* target = view_.runtime.Latest(ephemeral.target_container_name);
        if (target == nullptr || !Runs(*target)) {
          plan_.waiting.emplace_back(ephemeral.name,
                                     WaitingReason{"CreateContainerError", fmt::format("unable to find target container {}",
                                                                                       ephemeral.target_container_name)});
          continue;
        }
        target_id = target->id;
      }
      plan_.start.push_back({AsContainer(ephemeral), 0, false, std::move(target_id)});
    }
  }

  // True when the main containers may run.
  bool PlanInit() {
    const bool initialized = std::ranges::any_of(spec_.containers, [&](const Container& container) {
      return InSandbox(view_.runtime.Latest(container.name)) != nullptr;
    });
    for (const Container& container : spec_.init_containers) {
      const cri::Container* run = InSandbox(view_.runtime.Latest(container.name));
      const bool sidecar = IsSidecar(container);
      if (initialized && !sidecar) continue;
      if (run == nullptr) {
        Start(container);
        if (!initialized) return false;
        continue;
      }
      if (Runs(*run)) {
        CheckHealth(container, *run);
        if (sidecar) CheckSize(container, *run);
        bool started = sidecar && view_.memory.Of(container.name).probes.container_id == run->id &&
                       view_.memory.Of(container.name).probes.started;
        if (!started && !initialized) return false;
        continue;
      }
      if (!sidecar && run->state == cri::ContainerState::kExited && run->exit_code == 0) continue;
      if (!sidecar && run->state == cri::ContainerState::kExited && !ShouldRestart(spec_, container, run->exit_code)) {
        Terminate();  // the pod has failed
        return false;
      }
      Start(container);
      if (!initialized) return false;
    }
    return true;
  }

  void PlanMain() {
    if (AllDone()) {
      Terminate();
      return;
    }
    for (const Container& container : spec_.containers) {
      const cri::Container* run = view_.runtime.Latest(container.name);
      if (run == nullptr) {
        Start(container);
      } else if (Runs(*run)) {
        CheckHealth(container, *run);
        CheckSize(container, *run);
      } else if (run->state == cri::ContainerState::kCreated || ShouldRestart(spec_, container, run->exit_code)) {
        Start(container);
      }
    }
  }

  // All main containers have ended for good.
  bool AllDone() const {
    return std::ranges::all_of(spec_.containers, [&](const Container& container) {
      const cri::Container* run = view_.runtime.Latest(container.name);
      return run != nullptr && run->state == cri::ContainerState::kExited &&
             !ShouldRestart(spec_, container, run->exit_code);
    });
  }

  // An init container has failed for good, and the pod with it.
  bool InitFailed() const {
    const bool initialized = std::ranges::any_of(
        spec_.containers, [&](const Container& container) { return view_.runtime.Latest(container.name) != nullptr; });
    return !initialized && std::ranges::any_of(spec_.init_containers, [&](const Container& container) {
      const cri::Container* run = view_.runtime.Latest(container.name);
      return run != nullptr && run->state == cri::ContainerState::kExited && run->exit_code != 0 &&
             !ShouldRestart(spec_, container, run->exit_code);
    });
  }

  void CheckSize(const Container& container, const cri::Container& run) {
    const ContainerMemory& memory = view_.memory.Of(container.name);
    if (memory.applied_to != run.id || run.state != cri::ContainerState::kRunning) return;
    if (view_.memory.resize_pending) {
      if (view_.memory.resize_pending->reason == "Deferred") WakeAfter(plan_, kDeferredRetry);
      return;
    }
    switch (ResizeEffectOf(container, memory.applied)) {
      case ResizeEffect::kNone:
        return;
      case ResizeEffect::kRestart:
        Kill(run, fmt::format("Container {} resize requires restart", container.name), SpecGrace(container));
        return;
      case ResizeEffect::kUpdate:
        if (view_.memory.resize_retry_at && *view_.memory.resize_retry_at > view_.now) {
          WakeAfter(plan_, *view_.memory.resize_retry_at - view_.now);
          return;
        }
        plan_.resize.push_back({run.id, run.name});
        return;
    }
  }

  void CheckHealth(const Container& container, const cri::Container& run) {
    const ProbeState& probes = view_.memory.Of(container.name).probes;
    if (probes.container_id != run.id || probes.unhealthy.empty()) return;
    Kill(run, probes.unhealthy, SpecGrace(container));
  }

  void Start(const Container& container) {
    const cri::Container* last = view_.runtime.Latest(container.name);
    const ContainerMemory& memory = view_.memory.Of(container.name);
    if (memory.retry_at && *memory.retry_at > view_.now) {
      WakeAfter(plan_, *memory.retry_at - view_.now);
      return;
    }
    bool after_failure = last != nullptr && last->state == cri::ContainerState::kExited;
    if (after_failure) {
      Duration remaining = memory.restarts.Remaining(last->finished_at, view_.now);
      if (remaining > Duration(0)) {
        std::string message =
            fmt::format("back-off {} restarting failed container={} pod={}_{}({})", FormatDuration(memory.restarts.pause),
                        container.name, view_.pod.metadata.name, view_.pod.metadata.namespace_, view_.pod.metadata.uid);
        plan_.waiting.emplace_back(container.name, WaitingReason{"CrashLoopBackOff", std::move(message)});
        WakeAfter(plan_, remaining);
        return;
      }
    }
    if (last != nullptr && last->state == cri::ContainerState::kCreated) plan_.remove.push_back(last->id);
    plan_.start.push_back({container, last == nullptr ? 0 : last->attempt + 1, after_failure, {}});
  }

  void Kill(const cri::Container& container, std::string message, Duration grace) {
    plan_.kill.push_back({container.id, container.name, std::move(message), grace});
  }

  void RemoveOldRuns() {
    std::map<std::string_view, size_t> seen;
    for (const cri::Container& container : view_.runtime.containers) {
      size_t& runs = seen[container.name];
      if (++runs > kKeptRuns && !Runs(container)) plan_.remove.push_back(container.id);
    }
  }

  void RemoveOldSandboxes() {
    for (const cri::Sandbox& sandbox : view_.runtime.sandboxes) {
      bool used = &sandbox == view_.runtime.sandbox() || sandbox.state == cri::SandboxState::kReady ||
                  std::ranges::find(view_.runtime.containers, sandbox.id, &cri::Container::sandbox_id) !=
                      view_.runtime.containers.end();
      if (!used) plan_.remove_sandboxes.push_back(sandbox.id);
    }
  }

  const Container* FindSidecar(std::string_view name) const {
    for (const Container& container : spec_.init_containers) {
      if (container.name == name && IsSidecar(container)) return &container;
    }
    return nullptr;
  }

  const cri::Container* InSandbox(const cri::Container* container) const {
    return container != nullptr && container->sandbox_id == sandbox_id_ ? container : nullptr;
  }

  Duration SpecGrace(const Container& container) const {
    int64_t grace = spec_.termination_grace_period_seconds.value_or(30);
    if (container.liveness_probe) grace = container.liveness_probe->termination_grace_period_seconds.value_or(grace);
    return BoundedSeconds(grace);
  }

  const PodView& view_;
  const PodSpec& spec_;
  std::string sandbox_id_;
  PodPlan plan_;
};

}  // namespace

bool ShouldRestart(const PodSpec& spec, const Container& container, int32_t exit_code) {
  if (IsSidecar(container)) return true;
  const std::string& policy = container.restart_policy.empty() ? spec.restart_policy : container.restart_policy;
  if (policy == "Never") return false;
  return policy != "OnFailure" || exit_code != 0;
}

Duration RemainingGrace(const PodView& view) {
  int64_t grace = view.pod.spec.termination_grace_period_seconds.value_or(30);
  if (view.pod.metadata.deletion_timestamp) grace = view.pod.metadata.deletion_grace_period_seconds.value_or(grace);
  if (view.memory.failed_reason == "Evicted") grace = 0;
  // Nobody sees it any more, nor counts what it takes.
  if (view.memory.gone) grace = std::min(grace, kMostGraceOfTheGone);
  const Duration whole = BoundedSeconds(std::max<int64_t>(grace, 0));
  Duration left = whole;
  if (view.memory.terminating_since) left -= view.now - *view.memory.terminating_since;
  if (whole == Duration(0)) return whole;
  return std::clamp<Duration>(left, seconds(1), whole);
}

PodPlan PlanPod(const PodView& view) {
  return Planner(view).Plan();
}

}  // namespace sampan::node
