// What a ReplicaSet needs, decided from what is cached. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "controllers/common/objects.h"

namespace sampan::controllers::replicaset {

struct ReplicaPlan {
  int create = 0;
  std::vector<PodPtr> remove;  // to be removed now, first the least useful
};
// `pods`: the active pods of the set. `nodes_related`: how many active pods of the set's deployment a node runs, by pod
// (parallel to `pods`): where several run together, one of them is removed first. At most kBurst at a time.
inline constexpr int kBurst = 500;
ReplicaPlan PlanReplicas(int32_t desired, std::span<const PodPtr> pods, std::span<const int> related_on_node, WallTime now);

// The set's new status. `pods`: all that it controls; `failure`: why creating or deleting pods failed; nothing when it went
// well.
struct Failure {
  std::string reason;  // "FailedCreate", "FailedDelete"
  std::string message;
};
api::apps::ReplicaSetStatus PlanStatus(const api::apps::ReplicaSet& set, std::span<const PodPtr> pods,
                                       const std::optional<Failure>& failure, WallTime now);

// When a pod that is ready becomes available, the soonest; nothing when none is waiting.
std::optional<Duration> NextAvailability(const api::apps::ReplicaSet& set, std::span<const PodPtr> active, WallTime now);

// The pod that the set's template describes: whole but for its name.
json::Value PodFromTemplate(const api::Object& set);

}  // namespace sampan::controllers::replicaset
