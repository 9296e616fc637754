// One step of a Deployment towards its desired state, decided from what is cached. Pure: the next step is decided when
// the effects of this one have been seen.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controllers/common/objects.h"

namespace sampan::controllers::deployment {

using DeploymentPtr = client::TypedPtr<api::apps::Deployment>;

inline constexpr std::string_view kHashLabel = "pod-template-hash";
inline constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";
inline constexpr std::string_view kRevisionHistory = "deployment.kubernetes.io/revision-history";
inline constexpr std::string_view kDesiredReplicas = "deployment.kubernetes.io/desired-replicas";
inline constexpr std::string_view kMaxReplicas = "deployment.kubernetes.io/max-replicas";

// The rolling update's bounds in pods. Percentages of the replicas: surge rounds up, unavailable down, and both being zero
// makes unavailable one, else no step could be taken. Both are zero for Recreate.
struct Bounds {
  int32_t max_surge = 0;
  int32_t max_unavailable = 0;
};
Bounds ResolveBounds(const api::apps::Deployment& deployment);

// The same template but for the hash label.
bool SameTemplate(const api::core::PodTemplateSpec& a, const api::core::PodTemplateSpec& b);
// The value of the hash label: a stable hash of the template, and of the collisions met so far.
std::string TemplateHash(const api::core::PodTemplateSpec& pod_template, int32_t collisions);

struct Input {
  DeploymentPtr deployment;
  std::vector<ReplicaSetPtr> sets;  // that the deployment controls
  bool old_pods_running = false;    // Recreate: pods of old sets that have not ended yet
  WallTime now{};
};

// A new ReplicaSet for the current template.
struct NewSet {
  std::string name;
  std::string hash;
  int32_t replicas = 0;
  api::StringMap annotations;
};

// A change of an existing set: whatever is present.
struct SetChange {
  ReplicaSetPtr set;
  std::optional<int32_t> replicas;
  std::optional<int32_t> min_ready_seconds;
  api::StringMap annotations;  // to be set; the others stay
};

struct Plan {
  std::optional<NewSet> create;
  std::vector<SetChange> changes;
  std::vector<ReplicaSetPtr> remove;  // beyond the history limit
  std::string revision;               // for the deployment's own annotation; empty: leave it
  api::apps::DeploymentStatus status;
  std::optional<Duration> check_after;  // when the progress deadline may have passed
};

Plan PlanDeployment(const Input& input);

// The status after the new set could not be created.
api::apps::DeploymentStatus StatusOfFailedCreate(const api::apps::DeploymentStatus& status, const NewSet& set,
                                                 const Error& error, WallTime now);

}  // namespace sampan::controllers::deployment
