// nodeSelector and node affinity: where a pod must go, and where it would rather go.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

bool FitsNodeAffinity(const PodInfo& pod, const NodeInfo& node);
void ExplainNodeAffinity(const PodInfo& pod, const NodeInfo& node, std::vector<std::string>& reasons);

bool RatesNodeAffinity(const PodInfo& pod, std::span<const NodeInfo* const> nodes);
void RateNodeAffinity(const PodInfo& pod, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);

}  // namespace sampan::scheduler::plugins
