// Writes the status of a pod from what the runtime says and the worker remembers. Pure.
#pragma once

#include "api/types/core.h"
#include "node/pods/plan.h"

namespace sampan::node {

struct StatusInput {
  const PodView& view;
  const PodPlan& plan;  // made from the same view
  const std::string& host_ip;
};

// Keeps from the object's present status what others own: PodScheduled, readiness gates, resourceClaims; and the times of
// conditions that did not change. A pod that was Succeeded or Failed stays so.
api::core::PodStatus BuildPodStatus(const StatusInput& input);

// The merge patch from one status to the other; null when they are equal.
json::Value StatusPatch(const api::core::PodStatus& before, const api::core::PodStatus& after);

}  // namespace sampan::node
