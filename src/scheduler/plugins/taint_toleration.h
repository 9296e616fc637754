// Taints keep pods away unless they tolerate them: NoSchedule and NoExecute always, PreferNoSchedule where there is choice.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

bool Tolerates(const std::vector<api::core::Toleration>& tolerations, const api::core::Taint& taint);

// Whether the pod tolerates every taint of the node that keeps pods away.
bool ToleratesNode(const PodInfo& pod, const NodeInfo& node);

bool FitsTaints(const Attempt& attempt, const NodeInfo& node);
void ExplainTaints(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons);

bool RatesTaints(const Attempt& attempt, std::span<const NodeInfo* const> nodes);
void RateTaints(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);

}  // namespace sampan::scheduler::plugins
