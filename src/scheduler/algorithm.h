// Chooses the node of one pod. Pure: the same cluster, pod, start and generator give the same decision.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/rng.h"
#include "scheduler/cluster.h"

namespace sampan::scheduler {

struct Decision {
  const NodeInfo* node = nullptr;  // null: it fits nowhere
  size_t next_start = 0;           // where the next pod's search begins, so that nodes are looked at in turn
};

// Looks at nodes from `start` on until enough fit (all of up to 100 nodes; of more, a share that falls from half to a
// twentieth as the cluster grows, and at least 100), and takes the best of those; chance decides between equals.
Decision ChooseNode(const PodInfo& pod, const Cluster& cluster, size_t start, Rng& rng);

// "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {a: b}." or
// "no nodes available to schedule pods".
std::string ExplainUnschedulable(const PodInfo& pod, const Cluster& cluster);

}  // namespace sampan::scheduler
