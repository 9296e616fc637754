// Ends pods when the node runs out of memory or disk, before the kernel does it without asking.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/types/core.h"
#include "async/cancel.h"
#include "async/task.h"
#include "node/cri/types.h"
#include "node/paths.h"
#include "node/pods/state.h"
#include "node/registration/node_object.h"

namespace sampan::node {

class PodManager;
struct PodServices;

struct EvictionCandidate {
  std::string uid;
  const api::core::PodSpec* spec = nullptr;
  int64_t memory_bytes = 0;  // working set
  int64_t disk_bytes = 0;    // writable layers, and what PodDiskBytes counts
  bool critical = false;     // system-node-critical and system-cluster-critical pods are left alone
};

struct Eviction {
  std::string uid;
  std::string message;
};

// The one pod to end now; nothing when there is no pressure or nobody to end. First those that use more than they asked
// for, then the lowest priority, then the biggest excess: the order of Kubernetes. Pure.
std::optional<Eviction> PlanEviction(const Pressure& pressure, const std::vector<EvictionCandidate>& candidates);

// What the pod's emptyDirs and logs take on the disk. Each file counts as a page at least, as the number of files has a
// limit, too; one with more than a million takes more than all others. Blocks.
int64_t PodDiskBytes(const Paths& paths, const api::core::Pod& pod);

// What may be removed when the disk is full: the containers of a pod that has ended; its status stays as published. Pure.
std::vector<std::string> RemovableContainers(const api::core::Pod& pod, const RuntimePod& runtime);

// Before a pod is ended for want of disk, what ended pods left behind and unused images are removed.
// Looks every 10 s and ends one pod at a time until `stop`. On the pods' strand; what is borrowed outlives it.
Task<void> EvictUnderPressure(PodServices* services, PodManager* pods, CancelToken stop);

}  // namespace sampan::node
