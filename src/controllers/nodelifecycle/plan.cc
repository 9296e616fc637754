#include "controllers/nodelifecycle/plan.h"

#include <algorithm>

#include "base/saturate.h"

namespace sampan::controllers::nodelifecycle {
namespace {

using api::core::Node;
using api::core::NodeCondition;
using api::core::Pod;
using api::core::Taint;
using api::core::Toleration;

constexpr std::string_view kNoSchedule = "NoSchedule";
constexpr std::string_view kNoExecute = "NoExecute";

struct ConditionTaint {
  std::string_view condition, status, taint;
};
constexpr ConditionTaint kConditionTaints[] = {
    {"Ready", "False", kNotReadyTaint},
    {"Ready", "Unknown", kUnreachableTaint},
    {"MemoryPressure", "True", "node.kubernetes.io/memory-pressure"},
    {"DiskPressure", "True", "node.kubernetes.io/disk-pressure"},
    {"PIDPressure", "True", "node.kubernetes.io/pid-pressure"},
    {"NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"},
};
constexpr std::string_view kUnschedulableTaint = "node.kubernetes.io/unschedulable";

// Whether this controller decides about the taint.
bool IsOurs(const Taint& taint) {
  if (taint.effect == kNoExecute) return taint.key == kNotReadyTaint || taint.key == kUnreachableTaint;
  if (taint.effect != kNoSchedule) return false;
  if (taint.key == kUnschedulableTaint) return true;
  return std::ranges::any_of(kConditionTaints, [&taint](const auto& one) { return one.taint == taint.key; });
}

std::vector<Taint> Wanted(const Node& node, Evict evict, WallTime now) {
  std::vector<Taint> wanted;
  for (const ConditionTaint& one : kConditionTaints) {
    const NodeCondition* condition = FindCondition(node, one.condition);
    if (condition == nullptr || condition->status != one.status) continue;
    wanted.push_back({std::string(one.taint), "", std::string(kNoSchedule), std::nullopt});
    if (one.condition != "Ready" || evict == Evict::kNo) continue;
    bool present = std::ranges::any_of(
        node.spec.taints, [&one](const Taint& taint) { return taint.effect == kNoExecute && taint.key == one.taint; });
    if (present || evict == Evict::kYes) wanted.push_back({std::string(one.taint), "", std::string(kNoExecute), now});
  }
  if (node.spec.unschedulable.value_or(false)) {
    wanted.push_back({std::string(kUnschedulableTaint), "", std::string(kNoSchedule), std::nullopt});
  }
  return wanted;
}

}  // namespace

const NodeCondition* FindCondition(const Node& node, std::string_view type) {
  for (const NodeCondition& condition : node.status.conditions) {
    if (condition.type == type) return &condition;
  }
  return nullptr;
}

Readiness ReadinessOf(const Node& node) {
  const NodeCondition* ready = FindCondition(node, "Ready");
  if (ready == nullptr || ready->status == "Unknown") return Readiness::kUnknown;
  return ready->status == "True" ? Readiness::kReady : Readiness::kNotReady;
}

std::optional<std::vector<NodeCondition>> PlanSilence(const Node& node, WallTime now) {
  std::vector<NodeCondition> conditions = node.status.conditions;
  bool changed = false;
  for (const char* type : {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"}) {
    auto found = std::ranges::find(conditions, type, &NodeCondition::type);
    if (found == conditions.end()) {
      conditions.push_back({.type = type,
                            .status = "Unknown",
                            .last_heartbeat_time = node.metadata.creation_timestamp,
                            .last_transition_time = now,
                            .reason = "NodeStatusNeverUpdated",
                            .message = "Kubelet never posted node status."});
      changed = true;
    } else if (found->status != "Unknown") {
      found->status = "Unknown";
      found->reason = "NodeStatusUnknown";
      found->message = "Kubelet stopped posting node status.";
      found->last_transition_time = now;
      changed = true;
    }
  }
  return changed ? std::optional(std::move(conditions)) : std::nullopt;
}

std::optional<std::vector<Taint>> PlanTaints(const Node& node, Evict evict, WallTime now) {
  std::vector<Taint> wanted = Wanted(node, evict, now);
  std::vector<Taint> result;
  for (const Taint& taint : node.spec.taints) {
    auto same = std::ranges::find_if(
        wanted, [&taint](const Taint& one) { return one.key == taint.key && one.effect == taint.effect; });
    if (same != wanted.end()) {
      result.push_back(taint);  // as it is: with the time it was added
      wanted.erase(same);
    } else if (!IsOurs(taint)) {
      result.push_back(taint);
    }
  }
  for (Taint& taint : wanted) result.push_back(std::move(taint));
  return result == node.spec.taints ? std::nullopt : std::optional(std::move(result));
}

EvictionPace PlanPace(int ready, int not_ready, const PaceOptions& options) {
  if (not_ready == 0) return {true, options.interval};
  if (ready == 0) return {false, options.interval};
  bool much_fails = not_ready > 2 && not_ready >= options.unhealthy_threshold * (ready + not_ready);
  if (!much_fails) return {true, options.interval};
  return {ready + not_ready > options.large_cluster, options.slow_interval};
}

bool Tolerates(const Toleration& toleration, const Taint& taint) {
  if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
  if (!toleration.key.empty() && toleration.key != taint.key) return false;
  if (toleration.operator_ == "Exists") return true;
  bool equal = toleration.operator_.empty() || toleration.operator_ == "Equal";
  return equal && !toleration.key.empty() && toleration.value == taint.value;
}

PodFate PlanEviction(const Pod& pod, std::span<const Taint> taints, WallTime now) {
  std::optional<Duration> soonest;
  for (const Taint& taint : taints) {
    if (taint.effect != kNoExecute) continue;
    bool tolerated = false;
    std::optional<int64_t> seconds;  // the shortest among the tolerations that match
    for (const Toleration& toleration : pod.spec.tolerations) {
      if (!Tolerates(toleration, taint)) continue;
      tolerated = true;
      if (toleration.toleration_seconds) {
        int64_t own = std::max<int64_t>(*toleration.toleration_seconds, 0);
        seconds = seconds ? std::min(*seconds, own) : own;
      }
    }
    if (!tolerated) return {true, Duration(0)};
    if (!seconds) continue;
    WallTime until = SaturatedSum(taint.time_added.value_or(now), SaturatedSeconds(*seconds));
    Duration left = SaturatedDifference(until, now);
    soonest = soonest ? std::min(*soonest, left) : left;
  }
  if (!soonest) return {};
  return {true, *soonest};
}

}  // namespace sampan::controllers::nodelifecycle
