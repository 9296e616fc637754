// Makes room for a pod that fits nowhere: which pods of less priority must leave which node. Pure.
#pragma once

#include <string>
#include <vector>

#include "scheduler/algorithm.h"

namespace sampan::scheduler {

struct Preemption {
  const NodeInfo* node = nullptr;  // null: none can be made to fit
  std::vector<const PlacedPod*> victims;
  std::string
      message;  // why none can: "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
};

// On each node that fewer pods might make fit, the fewest and least important pods leave. Of the nodes, the one whose most
// important victim matters least is taken; then the one with the smaller sum of priorities, with fewer victims, with the
// younger ones.
Preemption PlanPreemption(const PodInfo& pod, const Cluster& cluster, const Diagnosis& diagnosis);

}  // namespace sampan::scheduler
