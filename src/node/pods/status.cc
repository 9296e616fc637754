#include "node/pods/status.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "codec/utf8.h"
#include "node/pods/resources.h"

namespace sampan::node {
namespace {

using namespace api::core;

constexpr size_t kMostMessages = 12 << 10;  // of a pod, divided equally among its containers

enum class Group : unsigned char { kInit, kMain, kEphemeral };

class Builder {
 public:
  explicit Builder(const StatusInput& input)
      : view_(input.view), plan_(input.plan), spec_(view_.pod.spec), before_(view_.pod.status), host_ip_(input.host_ip) {}

  PodStatus Build() {
    Carry();
    for (const Container& container : spec_.init_containers) {
      out_.init_container_statuses.push_back(StatusOf(container, Group::kInit));
    }
    for (const Container& container : spec_.containers) {
      out_.container_statuses.push_back(StatusOf(container, Group::kMain));
    }
    for (const EphemeralContainer& ephemeral : spec_.ephemeral_containers) {
      ContainerStatus status = StatusOf(AsContainer(ephemeral), Group::kEphemeral);
      status.ready = false;  // it serves nobody
      status.started.reset();
      out_.ephemeral_container_statuses.push_back(std::move(status));
    }
    out_.phase = Phase();
    if (IsTerminal(out_) && Unfinished().empty()) {  // main containers of a pod whose initialization failed still wait
      for (ContainerStatus& status : out_.container_statuses) EndUnknown(status);
    }
    ShortenMessages();
    Conditions();
    return std::move(out_);
  }

 private:
  void Carry() {
    out_.observed_generation = view_.pod.metadata.generation;
    out_.nominated_node_name = before_.nominated_node_name;
    out_.resource_claim_statuses = before_.resource_claim_statuses;
    out_.qos_class = QosName(QosOf(spec_));
    out_.start_time = before_.start_time ? before_.start_time : std::optional(Seconds(view_.now));
    out_.host_ip = host_ip_;
    out_.host_ips = {HostIP{host_ip_}};
    out_.reason = view_.memory.failed_reason.empty() ? before_.reason : view_.memory.failed_reason;
    out_.message = view_.memory.failed_reason.empty() ? before_.message : view_.memory.failed_message;
    const cri::Sandbox* sandbox = view_.runtime.sandbox();
    if (spec_.host_network.value_or(false)) {
      if (sandbox != nullptr) out_.pod_ip = host_ip_;
    } else if (sandbox != nullptr && !sandbox->ips.empty()) {
      for (const std::string& ip : sandbox->ips) out_.pod_ips.push_back(PodIP{ip});
      out_.pod_ip = sandbox->ips.front();
    }
    if (out_.pod_ip.empty()) {  // a sandbox that ended no longer tells its address
      out_.pod_ip = before_.pod_ip;
      out_.pod_ips = before_.pod_ips;
    }
    if (!out_.pod_ip.empty() && out_.pod_ips.empty()) out_.pod_ips = {PodIP{out_.pod_ip}};
  }

  static WallTime Seconds(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

  const WaitingReason* Waiting(std::string_view name) const {
    for (const auto& [container, reason] : plan_.waiting) {
      if (container == name) return &reason;
    }
    const ContainerMemory& memory = view_.memory.Of(name);
    return memory.waiting ? &*memory.waiting : nullptr;
  }

  static ContainerStateTerminated Terminated(const cri::Container& run) {
    ContainerStateTerminated state;
    state.exit_code = run.exit_code;
    if (!run.reason.empty()) {
      state.reason = run.reason;
    } else {
      state.reason = run.exit_code == 0 ? "Completed" : "Error";
    }
    state.message = run.message;
    if (run.started_at.time_since_epoch().count() > 0) state.started_at = Seconds(run.started_at);
    state.finished_at = Seconds(run.finished_at);
    state.container_id = "containerd://" + run.id;
    return state;
  }

  static const ContainerStatus* Find(const std::vector<ContainerStatus>& list, std::string_view name) {
    auto found = std::ranges::find(list, name, &ContainerStatus::name);
    return found == list.end() ? nullptr : &*found;
  }

  ContainerStatus StatusOf(const Container& container, Group group) {
    const ContainerStatus* old = Find(group == Group::kInit   ? before_.init_container_statuses
                                      : group == Group::kMain ? before_.container_statuses
                                                              : before_.ephemeral_container_statuses,
                                      container.name);
    ContainerStatus out;
    out.name = container.name;
    out.image = container.image;
    out.started = false;
    const cri::Container* run = view_.runtime.Latest(container.name);
    if (run == nullptr || run->state == cri::ContainerState::kCreated) {
      // Dead containers are removed with their sandbox; what the API knows of them stays.
      if (old != nullptr && old->state && old->state->terminated && (plan_.terminating || IsTerminal(before_))) return *old;
      out.state = ContainerState{};
      out.state->waiting = WaitingState(container, group);
      if (old != nullptr && run == nullptr) {
        out.restart_count = old->restart_count;
        out.last_state = old->last_state;
      }
      if (out.last_state == api::Box<ContainerState>()) out.last_state = ContainerState{};
      return out;
    }
    Fill(out, container, group, *run);
    return out;
  }

  ContainerStateWaiting WaitingState(const Container& container, Group group) const {
    if (const WaitingReason* reason = Waiting(container.name)) return {reason->reason, reason->message};
    bool initializing = group == Group::kInit || (group == Group::kMain && !spec_.init_containers.empty());
    return {initializing && !AllInitDone() ? "PodInitializing" : "ContainerCreating", {}};
  }

  void Fill(ContainerStatus& out, const Container& container, Group group, const cri::Container& run) {
    const ProbeState& probes = view_.memory.Of(container.name).probes;
    out.image_id = run.image_ref;
    out.container_id = "containerd://" + run.id;
    out.restart_count = static_cast<int32_t>(run.attempt);
    const ContainerMemory& memory = view_.memory.Of(container.name);
    if (group != Group::kEphemeral) {
      out.resources = memory.applied_to == run.id ? memory.applied : container.resources.OrEmpty();
      out.allocated_resources = out.resources->requests;
    }
    out.state = ContainerState{};
    out.last_state = ContainerState{};
    const cri::Container* previous = view_.runtime.Before(run);
    if (previous != nullptr && previous->state == cri::ContainerState::kExited) {
      out.last_state->terminated = Terminated(*previous);
    }
    if (run.state != cri::ContainerState::kExited) {
      out.state->running = ContainerStateRunning{Seconds(run.started_at)};
      out.started = probes.container_id == run.id && probes.started;
      out.ready = *out.started && probes.ready && !plan_.terminating;
      return;
    }
    const WaitingReason* waiting = Waiting(container.name);
    const bool sidecar = group == Group::kInit && IsSidecar(container);
    bool restarts = group != Group::kEphemeral && (group == Group::kMain || sidecar || run.exit_code != 0) &&
                    ShouldRestart(spec_, container, run.exit_code);
    if (waiting != nullptr && restarts && !plan_.terminating) {
      out.state->waiting = ContainerStateWaiting{waiting->reason, waiting->message};
      out.last_state->terminated = Terminated(run);
    } else {
      out.state->terminated = Terminated(run);
      out.ready = group == Group::kInit && !sidecar && run.exit_code == 0;
    }
  }

  bool InitDone(const Container& container) const {
    const cri::Container* run = view_.runtime.Latest(container.name);
    if (IsSidecar(container)) {
      const ProbeState& probes = view_.memory.Of(container.name).probes;
      return run != nullptr && probes.container_id == run->id && probes.started;
    }
    if (run != nullptr) return run->state == cri::ContainerState::kExited && run->exit_code == 0;
    const ContainerStatus* old = Find(before_.init_container_statuses, container.name);
    return old != nullptr && old->state && old->state->terminated && old->state->terminated->exit_code == 0;
  }
  bool AllInitDone() const {
    return std::ranges::all_of(spec_.init_containers, [&](const Container& container) { return InitDone(container); });
  }
  bool MainBegun() const {
    return std::ranges::any_of(spec_.containers,
                               [&](const Container& container) { return view_.runtime.Latest(container.name) != nullptr; });
  }

  std::string Phase() const {
    if (IsTerminal(before_)) return before_.phase;
    if (!view_.memory.failed_reason.empty()) return plan_.finished ? "Failed" : Present();
    if (!AllInitDone() && !MainBegun()) {
      bool failed = false;
      for (const Container& container : spec_.init_containers) {
        const cri::Container* run = view_.runtime.Latest(container.name);
        failed |= run != nullptr && run->state == cri::ContainerState::kExited && run->exit_code != 0 &&
                  !ShouldRestart(spec_, container, run->exit_code);
      }
      return failed && plan_.finished ? "Failed" : "Pending";
    }
    int waiting = 0, running = 0, stopped = 0, succeeded = 0;
    for (const ContainerStatus& status : out_.container_statuses) {
      if (status.state->running) {
        ++running;
      } else if (status.state->terminated) {
        ++stopped;
        succeeded += status.state->terminated->exit_code == 0 ? 1 : 0;
      } else if (status.last_state && status.last_state->terminated) {
        ++stopped;
      } else {
        ++waiting;
      }
    }
    if (plan_.finished && stopped > 0 && running == 0) {
      return stopped == succeeded && waiting == 0 ? "Succeeded" : "Failed";
    }
    if (waiting > 0 && !plan_.terminating) return "Pending";
    return running + stopped > 0 ? "Running" : Present();
  }
  std::string Present() const { return before_.phase.empty() ? "Pending" : before_.phase; }

  // A container of an ended pod of which nothing is known any more.
  void EndUnknown(ContainerStatus& status) const {
    if (!status.state->waiting) return;
    if (status.last_state && status.last_state->terminated) {
      status.state->terminated = status.last_state->terminated;
      status.last_state = ContainerState{};
    } else {
      ContainerStateTerminated lost;
      lost.exit_code = 137;
      lost.reason = "ContainerStatusUnknown";
      lost.message = "The container could not be located when the pod was terminated";
      status.state->terminated = std::move(lost);
    }
    status.state->waiting.reset();
  }

  // What containers tell at their end is limited a pod, so that many of them do not make an object too big to be stored.
  void ShortenMessages() {
    const std::array lists{&out_.init_container_statuses, &out_.container_statuses, &out_.ephemeral_container_statuses};
    size_t containers = 0;
    for (const auto* list : lists) containers += list->size();
    const size_t most = kMostMessages / std::max<size_t>(containers, 1);
    for (auto* list : lists) {
      for (ContainerStatus& status : *list) {
        for (auto* state : {&status.state, &status.last_state}) {
          if (!*state || !(*state)->terminated) continue;
          std::string& message = (*state)->terminated->message;
          if (message.size() > most) message = utf8::Repaired(message, most);
        }
      }
    }
  }

  void Conditions() {
    const cri::Sandbox* sandbox = view_.runtime.sandbox();
    bool has_network = sandbox != nullptr && sandbox->state == cri::SandboxState::kReady && !out_.pod_ip.empty();
    Set("PodReadyToStartContainers", has_network, {}, {});
    Set("Initialized", Unfinished(), "ContainersNotInitialized", "containers with incomplete status: [{}]");
    std::vector<std::string_view> unready;
    for (const Container& container : spec_.init_containers) {
      if (IsSidecar(container) && !Find(out_.init_container_statuses, container.name)->ready)
        unready.push_back(container.name);
    }
    for (const ContainerStatus& status : out_.container_statuses) {
      if (!status.ready) unready.push_back(status.name);
    }
    bool ready = Set("ContainersReady", unready, "ContainersNotReady", "containers with unready status: [{}]");
    SetReady(ready, unready);
    const PodCondition* scheduled = Old("PodScheduled");
    if (scheduled != nullptr) {
      out_.conditions.push_back(*scheduled);
    } else {
      Set("PodScheduled", true, {}, {});
    }
    if (view_.memory.resize_pending) {
      Set("PodResizePending", true, view_.memory.resize_pending->reason, view_.memory.resize_pending->message);
    } else if (!plan_.resize.empty() || !view_.memory.resize_error.empty()) {
      Set("PodResizeInProgress", true, view_.memory.resize_error.empty() ? "" : "Error", view_.memory.resize_error);
    }
    for (const PodCondition& condition : before_.conditions) {  // of others
      if (condition.type.starts_with("PodResize")) continue;
      if (std::ranges::find(out_.conditions, condition.type, &PodCondition::type) == out_.conditions.end()) {
        out_.conditions.push_back(condition);
      }
    }
  }

  void SetReady(bool containers_ready, const std::vector<std::string_view>& unready) {
    if (!containers_ready) {
      Set("Ready", unready, "ContainersNotReady", "containers with unready status: [{}]");
      return;
    }
    for (const PodReadinessGate& gate : spec_.readiness_gates) {
      const PodCondition* condition = Old(gate.condition_type);
      if (condition != nullptr && condition->status == "True") continue;
      Set("Ready", false, "ReadinessGatesNotReady",
          condition == nullptr
              ? fmt::format("corresponding condition of pod readiness gate \"{}\" does not exist.", gate.condition_type)
              : fmt::format("the status of pod readiness gate \"{}\" is not \"True\", but {}", gate.condition_type,
                            condition->status));
      return;
    }
    Set("Ready", true, {}, {});
  }

  std::vector<std::string_view> Unfinished() const {
    std::vector<std::string_view> names;
    if (MainBegun()) return names;
    for (const Container& container : spec_.init_containers) {
      if (!InitDone(container)) names.push_back(container.name);
    }
    return names;
  }

  // True when no container is in the way of the condition.
  bool Set(std::string_view type, const std::vector<std::string_view>& blocking, std::string_view reason,
           std::string_view message) {
    if (out_.phase == "Succeeded") {
      Set(type, type == "Initialized", "PodCompleted", {});
      return type == "Initialized";
    }
    if (out_.phase == "Failed" && type != "Initialized") {
      Set(type, false, "PodFailed", {});
      return false;
    }
    if (blocking.empty()) {
      Set(type, true, {}, {});
      return true;
    }
    Set(type, false, reason, fmt::format(fmt::runtime(message), fmt::join(blocking, " ")));
    return false;
  }

  void Set(std::string_view type, bool status, std::string_view reason, std::string message) {
    PodCondition condition;
    condition.type = type;
    condition.status = status ? "True" : "False";
    condition.observed_generation = view_.pod.metadata.generation;
    condition.reason = reason;
    condition.message = std::move(message);
    const PodCondition* old = Old(type);
    bool same = old != nullptr && old->status == condition.status && old->last_transition_time;
    condition.last_transition_time = same ? old->last_transition_time : std::optional(Seconds(view_.now));
    out_.conditions.push_back(std::move(condition));
  }

  const PodCondition* Old(std::string_view type) const {
    auto found = std::ranges::find(before_.conditions, type, &PodCondition::type);
    return found == before_.conditions.end() ? nullptr : &*found;
  }

  const PodView& view_;
  const PodPlan& plan_;
  const PodSpec& spec_;
  const PodStatus& before_;
  const std::string& host_ip_;
  PodStatus out_;
};

json::Value Difference(const json::Object& before, const json::Object& after) {
  json::Object patch;
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) patch[key] = nullptr;
  }
  for (const auto& [key, value] : after) {
    const json::Value* old = before.if_contains(key);
    if (old == nullptr || !json::Equal(*old, value)) patch[key] = value;
  }
  if (patch.empty()) return nullptr;
  return patch;
}

}  // namespace

PodStatus BuildPodStatus(const StatusInput& input) {
  return Builder(input).Build();
}

json::Value StatusPatch(const PodStatus& before, const PodStatus& after) {
  return Difference(api::ToJson(before).as_object(), api::ToJson(after).as_object());
}

}  // namespace sampan::node
