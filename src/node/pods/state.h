// What is known of one pod besides its object: how the runtime has it, and what its worker remembers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/types/core.h"
#include "node/cri/types.h"
#include "node/pods/backoff.h"

namespace sampan::node {

namespace labels {
inline constexpr std::string_view kPodName = "io.kubernetes.pod.name";
inline constexpr std::string_view kPodNamespace = "io.kubernetes.pod.namespace";
inline constexpr std::string_view kPodUid = "io.kubernetes.pod.uid";
inline constexpr std::string_view kContainerName = "io.kubernetes.container.name";
inline constexpr std::string_view kMessagePath = "io.kubernetes.container.terminationMessagePath";
inline constexpr std::string_view kMessagePolicy = "io.kubernetes.container.terminationMessagePolicy";
inline constexpr std::string_view kGracePeriod = "io.kubernetes.pod.terminationGracePeriod";
inline constexpr std::string_view kRestartCount = "io.kubernetes.container.restartCount";
}  // namespace labels

// The pod as the runtime has it; the newest attempt first in both lists.
struct RuntimePod {
  std::vector<cri::Sandbox> sandboxes;
  std::vector<cri::Container> containers;

  const cri::Sandbox* sandbox() const { return sandboxes.empty() ? nullptr : &sandboxes.front(); }  // the newest
  // The newest container of the name; `before` gives the one before it. Null when absent.
  const cri::Container* Latest(std::string_view name) const;
  const cri::Container* Before(const cri::Container& container) const;
  void Sort();
};

struct WaitingReason {
  std::string reason;  // "CrashLoopBackOff"
  std::string message;
  bool operator==(const WaitingReason&) const = default;
};

// What probes said of one run of a container. Absent probes count as passed once the container runs.
struct ProbeState {
  std::string container_id;
  bool started = false;
  bool ready = false;
  std::string unhealthy;  // why it must be restarted; empty while it is well
};

struct ContainerMemory {
  std::optional<WaitingReason> waiting;  // why it could not be started the last time
  std::optional<WallTime> retry_at;      // when to try again after `waiting`
  Backoff restarts;
  Backoff pulls;
  std::optional<WallTime> pull_failed;
  ProbeState probes;
  // What the run `applied_to` was given when it started or was last resized.
  std::string applied_to;  // its id
  api::core::ResourceRequirements applied;
};

struct PodMemory {
  std::map<std::string, ContainerMemory, std::less<>> containers;
  std::optional<WallTime> terminating_since;
  std::optional<WallTime> retry_at;             // after a failure of the pod as a whole (sandbox, volumes)
  std::optional<WaitingReason> resize_pending;  // why a resize is not carried out: "Infeasible", "Deferred"
  std::string resize_error;                     // of the last attempt to carry one out
  std::optional<WallTime> resize_retry_at;
  std::string failed_reason;  // "Evicted", "DeadlineExceeded": the pod must end and counts as failed
  std::string failed_message;
  bool gone = false;       // its object is deleted from the API
  bool torn_down = false;  // nothing of it is left in the runtime or on disk

  const ContainerMemory& Of(std::string_view name) const;  // an empty one when nothing is remembered
  ContainerMemory& Ensure(std::string_view name) { return containers[std::string(name)]; }
};

// An ephemeral container as the ordinary one that is started for it.
api::core::Container AsContainer(const api::core::EphemeralContainer& ephemeral);

inline bool IsSidecar(const api::core::Container& container) {
  return container.restart_policy == "Always";
}
inline bool IsTerminal(const api::core::PodStatus& status) {
  return status.phase == "Succeeded" || status.phase == "Failed";
}

}  // namespace sampan::node
