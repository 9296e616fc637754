// What a node's silence, conditions and taints mean. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controllers/common/objects.h"

namespace sampan::controllers::nodelifecycle {

inline constexpr std::string_view kNotReadyTaint = "node.kubernetes.io/not-ready";
inline constexpr std::string_view kUnreachableTaint = "node.kubernetes.io/unreachable";

const api::core::NodeCondition* FindCondition(const api::core::Node& node, std::string_view type);

enum class Readiness : unsigned char { kReady, kNotReady, kUnknown };  // of the condition Ready; absent counts as unknown
Readiness ReadinessOf(const api::core::Node& node);

// The conditions of a node that has been silent for too long; nothing when they say so already.
std::optional<std::vector<api::core::NodeCondition>> PlanSilence(const api::core::Node& node, WallTime now);

// The taints that the node should carry: those that conditions and spec.unschedulable ask for with NoSchedule, and, when
// `evict`, the NoExecute taint of its readiness. Foreign taints stay. Nothing when it carries exactly these.
enum class Evict : unsigned char {
  kNo,    // the NoExecute taints go
  kKeep,  // the present one stays, none is added
  kYes,
};
std::optional<std::vector<api::core::Taint>> PlanTaints(const api::core::Node& node, Evict evict, WallTime now);

// How fast nodes may be emptied, given how many of all are not ready.
struct EvictionPace {
  bool allowed = true;
  Duration interval{};  // between two nodes
};
struct PaceOptions {
  Duration interval = std::chrono::seconds(10);
  Duration slow_interval = std::chrono::seconds(100);  // while much of a large cluster fails
  double unhealthy_threshold = 0.55;
  int large_cluster = 50;  // nodes; a smaller one stops evicting while much of it fails
};
// No eviction at all while no node is ready: then it is more likely that the master is cut off.
EvictionPace PlanPace(int ready, int not_ready, const PaceOptions& options);

// What NoExecute taints do to a pod.
struct PodFate {
  bool evict = false;
  Duration after{};  // from now; zero or less: at once
};
PodFate PlanEviction(const api::core::Pod& pod, std::span<const api::core::Taint> taints, WallTime now);

bool Tolerates(const api::core::Toleration& toleration, const api::core::Taint& taint);

}  // namespace sampan::controllers::nodelifecycle
