// Chooses the node of one pod. Pure: the same cluster, pod, start and generator give the same decision.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "scheduler/attempt.h"

namespace sampan::scheduler {

struct Decision {
  const NodeInfo* node = nullptr;  // null: it fits nowhere
  size_t next_start = 0;           // where the next pod's search begins, so that nodes are looked at in turn
};

// Looks at nodes from `start` on until enough fit (all of up to 100 nodes; of more, a share that falls from half to a
// twentieth as the cluster grows, and at least 100), and takes the best of those; chance decides between equals. A node
// that was promised to the pod is taken when it fits.
Decision ChooseNode(const PodInfo& pod, const Cluster& cluster, size_t start, Rng& rng);

// Why the pod is not even tried: what it says about others is so much that working it out would hold up everybody else's
// pods. Empty for all that people write.
std::string RefusalOf(const PodInfo& pod, const Cluster& cluster);

// Whether the node can hold the pod, beside the pods of no less priority that were promised a place there.
bool Fits(const Attempt& attempt, const NodeInfo& node);

// Why a pod fits nowhere.
struct Diagnosis {
  // "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {a: b}." or
  // "no nodes available to schedule pods".
  std::string message;
  std::vector<const NodeInfo*> crowded;  // nodes that fewer pods on them might make fit
};
Diagnosis Diagnose(const PodInfo& pod, const Cluster& cluster);

}  // namespace sampan::scheduler
