// Changing what running containers may use, without restarting them. Pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "api/types/core.h"
#include "node/pods/state.h"
#include "os/cgroup.h"

namespace sampan::node {

enum class ResizeEffect : unsigned char { kNone, kUpdate, kRestart };

// What it takes to give a container that runs with `applied` the cpu and memory that its spec asks for. A container
// restarts when its resizePolicy says so for a resource that changes.
ResizeEffect ResizeEffectOf(const api::core::Container& container, const api::core::ResourceRequirements& applied);

// Of the pod's requests: cpu in milli, memory in bytes.
using OthersRequest = std::function<int64_t(std::string_view resource)>;

// Why the pod's requests cannot be met on this node: Infeasible (the node is too small) or Deferred (others leave too little
// now). Nothing when they can. `others` are the requests of the node's other pods.
std::optional<WaitingReason> ResizeObstacle(const api::core::PodSpec& spec, const api::Map<api::Quantity>& allocatable,
                                            const OthersRequest& others);

// The spec with what running containers have been given instead of what they should get.
api::core::PodSpec AppliedSpec(const api::core::PodSpec& spec, const PodMemory& memory);

// Limits that allow both: a pod's group has them while its containers change from one to the other.
os::CgroupLimits Widest(const os::CgroupLimits& a, const os::CgroupLimits& b);

}  // namespace sampan::node
