#include "controllers/replicaset/plan.h"

#include <charconv>
#include <cmath>

#include "base/saturate.h"

namespace sampan::controllers::replicaset {
namespace {

using api::apps::ReplicaSet;
using api::apps::ReplicaSetCondition;
using api::apps::ReplicaSetStatus;

int64_t DeletionCost(const PodPtr& pod) {
  const std::string* text = pod->metadata.annotations.Find("controller.kubernetes.io/pod-deletion-cost");
  int32_t cost = 0;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), cost);
  return cost;
}

int PhaseRank(const PodPtr& pod) {
  const std::string& phase = pod->status.phase;
  return phase == "Pending" || phase.empty() ? 0 : phase == "Unknown" ? 1 : 2;
}

int Restarts(const PodPtr& pod) {
  int most = 0;
  for (const auto& container : pod->status.container_statuses) most = std::max(most, container.restart_count);
  return most;
}

// Ages are compared by their order of magnitude, so that pods of about the same age count as equal and the choice among
// them does not always hit the same node.
int AgeBucket(std::optional<WallTime> since, WallTime now) {
  if (!since) return -1;
  double seconds = std::chrono::duration<double>(SaturatedDifference(now, *since)).count();
  return seconds < 1 ? 0 : 1 + static_cast<int>(std::log2(seconds));
}

struct Candidate {
  // Compared in this order; the smaller goes first.
  std::tuple<bool, int, bool, int64_t, int, int, int, int, std::string_view> rank;
  PodPtr pod;
};

Candidate Rank(const PodPtr& pod, int related_on_node, WallTime now) {
  const api::core::PodCondition* ready = FindCondition(*pod, "Ready");
  bool is_ready = ready != nullptr && ready->status == "True";
  return {{!pod->spec.node_name.empty(), PhaseRank(pod), is_ready, DeletionCost(pod), -related_on_node,
           is_ready ? AgeBucket(ready->last_transition_time, now) : 0, -Restarts(pod),
           AgeBucket(pod->metadata.creation_timestamp, now), pod.uid()},
          pod};
}

// A failure that lasts keeps its first message: each attempt's names another pod, and a write for each would be the reason
// of the next attempt.
void SetFailure(const ReplicaSet& set, const std::optional<Failure>& failure, WallTime now, ReplicaSetStatus& status) {
  std::erase_if(status.conditions, [](const auto& condition) { return condition.type == "ReplicaFailure"; });
  if (!failure) return;
  ReplicaSetCondition condition{"ReplicaFailure", "True", now, failure->reason, failure->message};
  for (const ReplicaSetCondition& old : set.status.conditions) {
    if (old.type != condition.type || old.status != condition.status) continue;
    if (old.reason == condition.reason) {
      condition = old;
    } else {
      condition.last_transition_time = old.last_transition_time;
    }
  }
  status.conditions.push_back(std::move(condition));
}

}  // namespace

ReplicaPlan PlanReplicas(int32_t desired, std::span<const PodPtr> pods, std::span<const int> related_on_node, WallTime now) {
  ReplicaPlan plan;
  int missing = desired - static_cast<int>(pods.size());
  if (missing >= 0) {
    plan.create = std::min(missing, kBurst);
    return plan;
  }
  std::vector<Candidate> candidates;
  candidates.reserve(pods.size());
  for (size_t i = 0; i < pods.size(); ++i) {
    candidates.push_back(Rank(pods[i], i < related_on_node.size() ? related_on_node[i] : 0, now));
  }
  auto count = std::min(static_cast<size_t>(-missing), static_cast<size_t>(kBurst));
  auto middle = candidates.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(candidates.begin(), middle, candidates.end(),
                    [](const Candidate& a, const Candidate& b) { return a.rank < b.rank; });
  for (auto it = candidates.begin(); it != middle; ++it) plan.remove.push_back(it->pod);
  return plan;
}

ReplicaSetStatus PlanStatus(const ReplicaSet& set, std::span<const PodPtr> pods, const std::optional<Failure>& failure,
                            WallTime now) {
  ReplicaSetStatus status = set.status;
  api::LabelSelector template_labels =
      api::LabelSelector::FromMap(set.spec.template_ ? set.spec.template_->metadata.labels : api::StringMap());
  int32_t active = 0, terminating = 0, labeled = 0, ready = 0, available = 0;
  for (const PodPtr& pod : pods) {
    if (IsTerminating(pod)) ++terminating;
    if (!IsActive(pod)) continue;
    ++active;
    if (template_labels.Matches(pod.head().labels)) ++labeled;
    if (!IsReady(*pod)) continue;
    ++ready;
    if (IsAvailable(*pod, set.spec.min_ready_seconds.value_or(0), now)) ++available;
  }
  // Zero is published as absent, as omitempty does.
  auto positive = [](int32_t count) { return count > 0 ? std::optional(count) : std::nullopt; };
  status.replicas = active;
  status.terminating_replicas = terminating;
  status.fully_labeled_replicas = positive(labeled);
  status.ready_replicas = positive(ready);
  status.available_replicas = positive(available);
  status.observed_generation = set.metadata.generation;
  SetFailure(set, failure, now, status);
  return status;
}

std::optional<Duration> NextAvailability(const ReplicaSet& set, std::span<const PodPtr> active, WallTime now) {
  int32_t min_ready = set.spec.min_ready_seconds.value_or(0);
  std::optional<Duration> soonest;
  if (min_ready == 0) return soonest;
  for (const PodPtr& pod : active) {
    const api::core::PodCondition* ready = FindCondition(*pod, "Ready");
    if (ready == nullptr || ready->status != "True" || !ready->last_transition_time) continue;
    WallTime until = SaturatedSum(*ready->last_transition_time, std::chrono::seconds(min_ready));
    Duration left = SaturatedDifference(until, now);
    if (left > Duration(0) && (!soonest || left < *soonest)) soonest = left;
  }
  return soonest;
}

json::Value PodFromTemplate(const api::Object& set) {
  json::Value value = set.Parse();
  json::Object metadata{{"generateName", set.name() + "-"},
                        {"namespace", set.namespace_()},
                        {"ownerReferences", json::Array{ControllerRef(set)}}};
  const json::Value* given = json::Find(value, "spec", "template", "metadata");
  for (std::string_view key : {"labels", "annotations", "finalizers"}) {
    const json::Value* part = given == nullptr ? nullptr : json::Find(*given, key);
    if (part != nullptr) metadata[key] = *part;
  }
  const json::Value* spec = json::Find(value, "spec", "template", "spec");
  return json::Object{{"apiVersion", "v1"},
                      {"kind", "Pod"},
                      {"metadata", std::move(metadata)},
                      {"spec", spec == nullptr ? json::Value(json::Object()) : *spec}};
}

}  // namespace sampan::controllers::replicaset
