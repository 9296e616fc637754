// Decides what a pod needs next. Pure: the object, the runtime's view and the worker's memory in, actions out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/types/core.h"
#include "node/pods/state.h"

namespace sampan::node {

struct PodView {
  const api::core::Pod& pod;
  const RuntimePod& runtime;
  const PodMemory& memory;
  WallTime now;
};

struct StartContainer {
  api::core::Container container;  // a copy, since ephemeral containers are of another type in the pod
  uint32_t attempt = 0;
  bool after_failure = false;  // a restart that counts for the backoff
  std::string target_id;       // the container whose processes it sees; empty: its own only
};

struct KillContainer {
  std::string id;
  std::string name;
  std::string message;  // of the event; empty: "Stopping container NAME"
  Duration grace{0};
};

// A running container whose limits differ from what its spec asks for now.
struct ResizeContainer {
  std::string id;
  std::string name;
};

// Executed in the order of the members; the plan is made anew after that.
struct PodPlan {
  bool terminating = false;         // the pod ends: deleted, evicted, finished
  std::vector<KillContainer> kill;  // at the same time
  std::vector<std::string> remove;  // dead containers: those that never ran, and all but the last two runs
  std::vector<std::string> stop_sandboxes;
  std::vector<std::string> remove_sandboxes;  // replaced ones that hold no container
  std::optional<uint32_t> run_sandbox;        // attempt
  std::vector<ResizeContainer> resize;        // in place
  std::vector<StartContainer> start;          // one after the other
  // Containers that wait for a reason that is not in the memory.
  std::vector<std::pair<std::string, WaitingReason>> waiting;
  std::optional<Duration> wake_after;  // look again then
  bool finished = false;               // terminating, and nothing of it runs
};

PodPlan PlanPod(const PodView& view);

// Whether the exited container is to run again under the pod's policy (sidecars always are).
bool ShouldRestart(const api::core::PodSpec& spec, const api::core::Container& container, int32_t exit_code);

// Grace left for a pod that ends.
Duration RemainingGrace(const PodView& view);

}  // namespace sampan::node
