// What a placement rule looks like. Filters say whether a node can hold a pod, scores say how well. All are pure: they see
// the attempt and the node and nothing else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/attempt.h"

namespace sampan::scheduler {

struct Filter {
  std::string_view name;  // as kube-scheduler names the plugin
  // Quick: called for every node that is looked at.
  bool (*fits)(const Attempt& attempt, const NodeInfo& node);
  // Why it does not fit, as users know it: "Insufficient cpu". Called only for pods that fit nowhere.
  void (*explain)(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons);
  // Whether a node that it refuses could do with fewer pods on it; null: never.
  bool (*room_helps)(const Attempt& attempt, const NodeInfo& node) = nullptr;
};

struct Score {
  std::string_view name;
  int64_t weight = 1;
  // Whether it says anything about this pod on these nodes; when not, it is left out.
  bool (*applies)(const Attempt& attempt, std::span<const NodeInfo* const> nodes);
  // 0..100 an entry, higher is better.
  void (*rate)(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);
};

inline constexpr int64_t kMostRating = 100;

// In the order they are asked; the first that refuses a node speaks for it.
std::span<const Filter> Filters();
std::span<const Score> Scores();

// Stretches raw ratings to 0..100: the largest becomes 100 (or, reversed, 0).
enum class Direction : bool { kMoreIsBetter, kLessIsBetter };
void Normalise(std::span<int64_t> ratings, Direction direction);

}  // namespace sampan::scheduler
