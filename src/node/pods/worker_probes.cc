// The part of PodWorker that runs probes: one loop for each probe of each running container.
#include "async/contain.h"
#include "async/spawn.h"
#include "node/pods/worker.h"

namespace sampan::node {

using namespace api::core;
using std::chrono::seconds;

void PodWorker::SyncProbes() {
  PodPtr pod = pod_;
  for (const Container& container : pod->spec.init_containers) {
    if (IsSidecar(container)) WatchContainer(pod, container);
  }
  for (const Container& container : pod->spec.containers) WatchContainer(pod, container);
}

void PodWorker::WatchContainer(const PodPtr& pod, const Container& container) {
  const cri::Container* run = runtime_.Latest(container.name);
  auto watched = watched_.find(container.name);
  const bool running = run != nullptr && run->state == cri::ContainerState::kRunning;
  if (watched != watched_.end() && (!running || watched->second.container_id != run->id || terminating())) {
    watched->second.stop.Cancel();
    watched_.erase(watched);
    watched = watched_.end();
  }
  if (!running) return;
  ProbeState& probes = memory_.Ensure(container.name).probes;
  if (probes.container_id != run->id) {
    probes = ProbeState{run->id, !container.startup_probe, !container.readiness_probe, {}};
    // After a restart of the agent, what was known of the same run stays true until a probe says otherwise.
    for (const auto* list : {&pod->status.container_statuses, &pod->status.init_container_statuses}) {
      for (const ContainerStatus& known : *list) {
        if (known.container_id != "containerd://" + run->id) continue;
        probes.started |= known.started.value_or(false);
        probes.ready |= known.ready;
      }
    }
  }
  if (terminating()) return;
  if (watched == watched_.end()) {
    watched = watched_.emplace(container.name, Watched{run->id, false, CancelSource()}).first;
    if (container.startup_probe && !probes.started) {
      Spawn(services_.strand, gate_,
            ProbeLoop(ProbeKind::kStartup, pod, &container, run->id, run->started_at, watched->second.stop.token()));
    }
  }
  if (!probes.started || watched->second.past_startup) return;
  watched->second.past_startup = true;
  CancelToken stop = watched->second.stop.token();
  if (container.liveness_probe) {
    Spawn(services_.strand, gate_, ProbeLoop(ProbeKind::kLiveness, pod, &container, run->id, run->started_at, stop));
  }
  if (container.readiness_probe) {
    Spawn(services_.strand, gate_, ProbeLoop(ProbeKind::kReadiness, pod, &container, run->id, run->started_at, stop));
  }
}

Task<void> PodWorker::ProbeLoop(ProbeKind kind, PodPtr pod, const Container* container, std::string id, WallTime started,
                                CancelToken stop) {
  const Probe& probe = kind == ProbeKind::kStartup    ? *container->startup_probe
                       : kind == ProbeKind::kLiveness ? *container->liveness_probe
                                                      : *container->readiness_probe;
  const std::string_view name = kind == ProbeKind::kStartup    ? "Startup"
                                : kind == ProbeKind::kLiveness ? "Liveness"
                                                               : "Readiness";
  const Duration period = seconds(std::max(probe.period_seconds.value_or(10), 1));
  const Duration delay = started + seconds(probe.initial_delay_seconds.value_or(0)) - services_.clock.Now();
  if (delay > Duration(0)) co_await services_.clock.Sleep(delay, stop);
  ProbeCounter counter(probe);
  while (!stop.Requested()) {
    const MonoTime begin = services_.clock.Monotonic();
    ProbeTarget target{id, PodIp(), container};
    Result<ProbeOutcome> outcome = co_await Contained("probe", RunProbe(&services_.probes, &probe, std::move(target), stop));
    if (stop.Requested()) co_return;
    if (!outcome || !outcome->ok) {
      Event(client::EventType::kWarning, "Unhealthy",
            outcome ? fmt::format("{} probe failed: {}", name, outcome->output)
                    : fmt::format("{} probe errored and resulted in unknown state: {}", name, outcome.error()),
            container->name);
    }
    // One that could not be asked says nothing of the container.
    std::optional<bool> verdict = outcome ? counter.Observe(outcome->ok) : std::nullopt;
    if (verdict) ProbeVerdict(kind, *container, *verdict);
    if (verdict && kind == ProbeKind::kStartup) co_return;
    Duration spent = services_.clock.Monotonic() - begin;
    co_await services_.clock.Sleep(std::max<Duration>(period - spent, std::chrono::milliseconds(1)), stop);
  }
}

void PodWorker::ProbeVerdict(ProbeKind kind, const Container& container, bool ok) {
  ProbeState& probes = memory_.Ensure(container.name).probes;
  const ProbeState before = probes;
  switch (kind) {
    case ProbeKind::kStartup:
      probes.started |= ok;
      if (!ok) probes.unhealthy = fmt::format("Container {} failed startup probe, will be restarted", container.name);
      break;
    case ProbeKind::kLiveness:
      if (!ok) probes.unhealthy = fmt::format("Container {} failed liveness probe, will be restarted", container.name);
      break;
    case ProbeKind::kReadiness:
      probes.ready = ok;
      break;
  }
  if (probes.started != before.started || probes.ready != before.ready || probes.unhealthy != before.unhealthy) Wake();
}

}  // namespace sampan::node
