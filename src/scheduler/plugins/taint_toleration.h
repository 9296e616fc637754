// Taints keep pods away unless they tolerate them: NoSchedule and NoExecute always, PreferNoSchedule where there is choice.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

bool Tolerates(const std::vector<api::core::Toleration>& tolerations, const api::core::Taint& taint);

bool FitsTaints(const PodInfo& pod, const NodeInfo& node);
void ExplainTaints(const PodInfo& pod, const NodeInfo& node, std::vector<std::string>& reasons);

bool RatesTaints(const PodInfo& pod, std::span<const NodeInfo* const> nodes);
void RateTaints(const PodInfo& pod, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);

}  // namespace sampan::scheduler::plugins
