// What the parts of the deployment plan share: the input, sorted out.
#pragma once

#include <limits>

#include "controllers/deployment/plan.h"

#include "base/saturate.h"

namespace sampan::controllers::deployment {

struct State {
  DeploymentPtr deployment;
  int32_t replicas = 0;  // wanted
  Bounds bounds;
  bool recreate = false;
  bool paused = false;
  std::optional<std::chrono::seconds> progress_deadline;
  ReplicaSetPtr current;           // the set of the current template; null when there is none
  std::vector<ReplicaSetPtr> old;  // oldest first
  std::vector<ReplicaSetPtr> all;  // oldest first
  bool old_pods_running = false;
  WallTime now{};

  int32_t max_total() const { return Saturated32(int64_t{replicas} + bounds.max_surge); }
  int32_t min_available() const { return std::max(replicas - bounds.max_unavailable, 0); }
};

inline int32_t SizeOf(const ReplicaSetPtr& set) {
  return set->spec.replicas.value_or(1);
}
inline int32_t AvailableOf(const ReplicaSetPtr& set) {
  return set->status.available_replicas.value_or(0);
}
int32_t TotalSize(std::span<const ReplicaSetPtr> sets);
int32_t TotalAvailable(std::span<const ReplicaSetPtr> sets);
std::optional<int64_t> NumberIn(const api::StringMap& annotations, std::string_view key);

State MakeState(const Input& input);

// How many pods each set gets when the deployment was resized, or is paused: in proportion to what they have.
std::vector<SetChange> PlanProportionalScaling(const State& state);
// Whether the replicas were changed since the sets were last sized.
bool IsResized(const State& state);

// The annotations that record the deployment's size on a set.
api::StringMap SizeAnnotations(const State& state);

// Conditions and counts. kPaused leaves the progress as it is.
enum class Progress : unsigned char { kRollout, kPaused };
api::apps::DeploymentStatus PlanStatus(const State& state, Progress progress);
std::optional<Duration> NextDeadlineCheck(const State& state, const api::apps::DeploymentStatus& status);
bool IsComplete(const State& state, const api::apps::DeploymentStatus& status);
void SetCondition(api::apps::DeploymentStatus& status, api::apps::DeploymentCondition condition);
api::apps::DeploymentCondition MakeCondition(WallTime now, std::string type, std::string status, std::string reason,
                                             std::string message);

}  // namespace sampan::controllers::deployment
