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
  // Nodes that are not ready and that somebody has declared to be off: nothing on them runs any more.
  const std::unordered_set<std::string>& dead_nodes;
  int terminated_threshold = 0;  // 0: finished pods stay
};

struct Doomed {
  PodPtr pod;
  std::string_view why;  // it never ended by itself: it is marked as failed first, with this message
};
inline constexpr std::string_view kNodeVanished = "PodGC: node no longer exists";
inline constexpr std::string_view kNodeDead = "PodGC: node is out-of-service";

// Pods of vanished nodes, pods being deleted on dead ones, pods that were deleted before they got a node, and the oldest
// finished pods beyond the threshold.
std::vector<Doomed> PlanPodGc(const Input& input);

}  // namespace sampan::controllers::podgc
