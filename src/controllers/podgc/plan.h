// Which pods nobody will ever clean up. Pure.
#pragma once

#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "controllers/common/objects.h"

namespace sampan::controllers::podgc {

struct Input {
  std::span<const PodPtr> pods;
  // Nodes that pods name and that have not existed for a while.
  const std::unordered_set<std::string>& vanished_nodes;
  int terminated_threshold = 0;  // 0: finished pods stay
};

struct Doomed {
  PodPtr pod;
  bool orphaned = false;  // its node is gone: it is marked as failed first
};

// Pods of vanished nodes, pods that were deleted before they got a node, and the oldest finished pods beyond the threshold.
std::vector<Doomed> PlanPodGc(const Input& input);

}  // namespace sampan::controllers::podgc
