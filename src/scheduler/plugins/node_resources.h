// A node holds a pod when its free resources do. Among those that can, the emptier and the more evenly used are better.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

bool FitsResources(const PodInfo& pod, const NodeInfo& node);
void ExplainResources(const PodInfo& pod, const NodeInfo& node, std::vector<std::string>& reasons);

bool RatesResources(const PodInfo& pod, std::span<const NodeInfo* const> nodes);
void RateLeastAllocated(const PodInfo& pod, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);
void RateBalancedAllocation(const PodInfo& pod, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);

}  // namespace sampan::scheduler::plugins
