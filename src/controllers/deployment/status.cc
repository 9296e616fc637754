#include "controllers/deployment/state.h"

#include "base/saturate.h"

namespace sampan::controllers::deployment {
namespace {

using api::apps::DeploymentCondition;
using api::apps::DeploymentStatus;

constexpr std::string_view kProgressing = "Progressing";
constexpr std::string_view kAvailable = "NewReplicaSetAvailable";
constexpr std::string_view kTimedOut = "ProgressDeadlineExceeded";

const DeploymentCondition* Find(const DeploymentStatus& status, std::string_view type) {
  for (const DeploymentCondition& condition : status.conditions) {
    if (condition.type == type) return &condition;
  }
  return nullptr;
}

void Remove(DeploymentStatus& status, std::string_view type) {
  std::erase_if(status.conditions, [type](const DeploymentCondition& condition) { return condition.type == type; });
}

// What the messages call the thing that progresses.
std::string Subject(const State& state) {
  if (state.current) return fmt::format("ReplicaSet \"{}\"", state.current.name());
  return fmt::format("Deployment \"{}\"", state.deployment.name());
}

// Unknown when it is unknown of any set.
std::optional<int32_t> TotalTerminating(std::span<const ReplicaSetPtr> sets) {
  int64_t total = 0;
  for (const ReplicaSetPtr& set : sets) {
    if (!set->status.terminating_replicas) return std::nullopt;
    total += *set->status.terminating_replicas;
  }
  return Saturated32(total);
}

void Count(const State& state, DeploymentStatus& status) {
  int64_t replicas = 0, ready = 0;
  for (const ReplicaSetPtr& set : state.all) {
    replicas += set->status.replicas;
    ready += set->status.ready_replicas.value_or(0);
  }
  int32_t available = TotalAvailable(state.all);
  auto positive = [](int64_t count) { return count > 0 ? std::optional(Saturated32(count)) : std::nullopt; };
  status.observed_generation = state.deployment->metadata.generation;
  status.replicas = positive(replicas);
  status.updated_replicas = positive(state.current ? state.current->status.replicas : 0);
  status.ready_replicas = positive(ready);
  status.available_replicas = positive(available);
  status.unavailable_replicas = positive(int64_t{TotalSize(state.all)} - available);
  status.terminating_replicas = TotalTerminating(state.all);
}

void SetAvailability(const State& state, DeploymentStatus& status) {
  bool enough = status.available_replicas.value_or(0) >= state.min_available();
  SetCondition(status, enough ? MakeCondition(state.now, "Available", "True", "MinimumReplicasAvailable",
                                              "Deployment has minimum availability.")
                              : MakeCondition(state.now, "Available", "False", "MinimumReplicasUnavailable",
                                              "Deployment does not have minimum availability."));
}

void SetPauseProgress(const State& state, DeploymentStatus& status) {
  if (!state.progress_deadline) return;
  const DeploymentCondition* progress = Find(status, kProgressing);
  if (progress != nullptr && progress->reason == kTimedOut) return;
  bool noted = progress != nullptr && progress->reason == "DeploymentPaused";
  if (state.paused && !noted) {
    SetCondition(status, MakeCondition(state.now, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"));
  } else if (!state.paused && noted) {
    SetCondition(status, MakeCondition(state.now, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed"));
  }
}

bool HasProgressed(const DeploymentStatus& before, const DeploymentStatus& after) {
  auto number = [](std::optional<int32_t> value) { return value.value_or(0); };
  int32_t old_before = number(before.replicas) - number(before.updated_replicas);
  int32_t old_after = number(after.replicas) - number(after.updated_replicas);
  return number(after.updated_replicas) > number(before.updated_replicas) || old_after < old_before ||
         number(after.ready_replicas) > number(before.ready_replicas) ||
         number(after.available_replicas) > number(before.available_replicas);
}

bool HasTimedOut(const State& state, const DeploymentStatus& status) {
  const DeploymentCondition* progress = Find(status, kProgressing);
  if (progress == nullptr || progress->reason == kAvailable) return false;
  if (progress->reason == kTimedOut) return true;
  return progress->last_update_time && SaturatedSum(*progress->last_update_time, *state.progress_deadline) < state.now;
}

void SetRolloutProgress(const State& state, DeploymentStatus& status) {
  if (!state.progress_deadline) {
    Remove(status, kProgressing);
    return;
  }
  const DeploymentCondition* progress = Find(status, kProgressing);
  // A finished rollout stays finished when its pods fail later.
  bool finished = status.replicas == status.updated_replicas && progress != nullptr && progress->reason == kAvailable;
  if (!finished) {
    if (IsComplete(state, status)) {
      SetCondition(status, MakeCondition(state.now, "Progressing", "True", std::string(kAvailable),
                                         Subject(state) + " has successfully progressed."));
    } else if (HasProgressed(state.deployment->status, status)) {
      DeploymentCondition moving =
          MakeCondition(state.now, "Progressing", "True", "ReplicaSetUpdated", Subject(state) + " is progressing.");
      if (progress != nullptr && progress->status == "True") moving.last_transition_time = progress->last_transition_time;
      // Removed first: each sign of progress moves the time from which the deadline counts.
      Remove(status, kProgressing);
      status.conditions.push_back(std::move(moving));
    } else if (HasTimedOut(state, status)) {
      SetCondition(status, MakeCondition(state.now, "Progressing", "False", std::string(kTimedOut),
                                         Subject(state) + " has timed out progressing."));
    }
  }
  if (state.current && Find(status, kProgressing) == nullptr) {
    SetCondition(status, MakeCondition(state.now, "Progressing", "True", "FoundNewReplicaSet",
                                       fmt::format("Found new replica set \"{}\"", state.current.name())));
  }
}

// A failure of the current set counts before those of old ones.
void SetReplicaFailure(const State& state, DeploymentStatus& status) {
  const api::apps::ReplicaSetCondition* found = nullptr;
  auto look = [&found](const ReplicaSetPtr& set) {
    for (const auto& condition : set->status.conditions) {
      if (found == nullptr && condition.type == "ReplicaFailure") found = &condition;
    }
  };
  if (state.current) look(state.current);
  for (const ReplicaSetPtr& set : state.old) look(set);
  if (found == nullptr) {
    Remove(status, "ReplicaFailure");
    return;
  }
  DeploymentCondition failure = MakeCondition(state.now, "ReplicaFailure", found->status, found->reason, found->message);
  failure.last_transition_time = found->last_transition_time;
  SetCondition(status, std::move(failure));
}

}  // namespace

DeploymentCondition MakeCondition(WallTime now, std::string type, std::string status, std::string reason,
                                  std::string message) {
  return {std::move(type), std::move(status), now, now, std::move(reason), std::move(message)};
}

void SetCondition(DeploymentStatus& status, DeploymentCondition condition) {
  const DeploymentCondition* old = Find(status, condition.type);
  if (old != nullptr && old->status == condition.status && old->reason == condition.reason) return;
  if (old != nullptr && old->status == condition.status) condition.last_transition_time = old->last_transition_time;
  std::string type = condition.type;
  Remove(status, type);
  status.conditions.push_back(std::move(condition));
}

bool IsComplete(const State& state, const DeploymentStatus& status) {
  return status.updated_replicas.value_or(0) == state.replicas && status.replicas.value_or(0) == state.replicas &&
         status.available_replicas.value_or(0) == state.replicas &&
         status.observed_generation.value_or(0) >= state.deployment->metadata.generation.value_or(0) && state.current;
}

DeploymentStatus PlanStatus(const State& state, Progress progress) {
  DeploymentStatus status = state.deployment->status;
  Count(state, status);
  SetPauseProgress(state, status);
  SetAvailability(state, status);
  if (progress == Progress::kRollout) {
    SetRolloutProgress(state, status);
    SetReplicaFailure(state, status);
  }
  return status;
}

std::optional<Duration> NextDeadlineCheck(const State& state, const DeploymentStatus& status) {
  const DeploymentCondition* progress = Find(status, kProgressing);
  if (!state.progress_deadline || progress == nullptr || !progress->last_update_time) return std::nullopt;
  if (progress->reason == kAvailable || progress->reason == kTimedOut) return std::nullopt;
  // A second more: times are kept in whole seconds.
  Duration left = SaturatedDifference(
      SaturatedSum(*progress->last_update_time, *state.progress_deadline + std::chrono::seconds(1)), state.now);
  return std::max<Duration>(left, std::chrono::seconds(1));
}

}  // namespace sampan::controllers::deployment
