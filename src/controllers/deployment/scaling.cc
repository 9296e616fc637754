#include <cmath>

#include "controllers/deployment/state.h"

#include "base/saturate.h"

namespace sampan::controllers::deployment {
namespace {

std::vector<ReplicaSetPtr> Active(const State& state) {
  std::vector<ReplicaSetPtr> active;
  for (const ReplicaSetPtr& set : state.all) {
    if (SizeOf(set) > 0) active.push_back(set);
  }
  return active;
}

// The set that alone carries the deployment: the only active one, or the latest when none is; null when several are.
ReplicaSetPtr SoleCarrier(const State& state, const std::vector<ReplicaSetPtr>& active) {
  if (active.size() == 1) return active.front();
  if (active.size() > 1) return {};
  if (state.current) return state.current;
  return state.old.empty() ? ReplicaSetPtr() : state.old.back();
}

// The current set alone could carry the deployment.
bool IsSaturated(const State& state) {
  return state.current && SizeOf(state.current) == state.replicas && AvailableOf(state.current) == state.replicas &&
         NumberIn(state.current->metadata.annotations, kDesiredReplicas) == state.replicas;
}

SetChange Sized(const State& state, const ReplicaSetPtr& set, int32_t replicas) {
  SetChange change{set, {}, {}, {}};
  if (SizeOf(set) != replicas) change.replicas = replicas;
  for (const auto& [key, value] : SizeAnnotations(state)) {
    if (set->metadata.annotations.Get(key) != value) change.annotations[key] = value;
  }
  return change;
}

bool IsEmpty(const SetChange& change) {
  return !change.replicas && change.annotations.empty();
}

// By how much the set grows (or shrinks, below zero) when the deployment goes from the size noted on the set to its
// present one.
int32_t ShareOf(const State& state, const ReplicaSetPtr& set) {
  if (state.replicas == 0) return -SizeOf(set);
  int64_t before = NumberIn(set->metadata.annotations, kMaxReplicas).value_or(state.deployment->status.replicas.value_or(0));
  if (before <= 0) return 0;
  double size = static_cast<double>(SizeOf(set)) * state.max_total() / static_cast<double>(before);
  return Saturated32(std::llround(std::min(size, 4e9)) - SizeOf(set));
}

std::vector<SetChange> ScaleTogether(const State& state, std::vector<ReplicaSetPtr> active) {
  int32_t allowed = state.replicas > 0 ? state.max_total() : 0;
  int32_t to_add = allowed - TotalSize(active);
  // The largest first: it gets the rest that rounding leaves. Among equals the newest grows and the oldest shrinks first.
  if (to_add > 0) std::ranges::reverse(active);
  std::ranges::stable_sort(active, std::greater<>(), &SizeOf);

  std::vector<int32_t> sizes;
  int32_t added = 0;
  for (const ReplicaSetPtr& set : active) {
    int32_t left = to_add - added;
    int32_t share = 0;
    if (left > 0) share = std::clamp(ShareOf(state, set), 0, left);
    if (left < 0) share = std::clamp(ShareOf(state, set), left, 0);
    sizes.push_back(SizeOf(set) + share);
    added += share;
  }
  if (!sizes.empty()) sizes[0] = Saturated32(std::max<int64_t>(int64_t{sizes[0]} + to_add - added, 0));
  std::vector<SetChange> changes;
  for (size_t i = 0; i < active.size(); ++i) {
    SetChange change = Sized(state, active[i], sizes[i]);
    if (!IsEmpty(change)) changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace

bool IsResized(const State& state) {
  for (const ReplicaSetPtr& set : Active(state)) {
    std::optional<int64_t> noted = NumberIn(set->metadata.annotations, kDesiredReplicas);
    if (noted && *noted != state.replicas) return true;
  }
  return false;
}

std::vector<SetChange> PlanProportionalScaling(const State& state) {
  std::vector<ReplicaSetPtr> active = Active(state);
  if (ReplicaSetPtr carrier = SoleCarrier(state, active)) {
    SetChange change = Sized(state, carrier, state.replicas);
    if (IsEmpty(change)) return {};
    return {std::move(change)};
  }
  if (active.empty()) return {};
  std::vector<SetChange> changes;
  if (IsSaturated(state)) {
    for (const ReplicaSetPtr& set : state.old) {
      if (SizeOf(set) > 0) changes.push_back(Sized(state, set, 0));
    }
    return changes;
  }
  // Recreate never runs two sets side by side; what remains of the old ones goes when the rollout is continued.
  if (state.recreate) return changes;
  return ScaleTogether(state, std::move(active));
}

}  // namespace sampan::controllers::deployment
