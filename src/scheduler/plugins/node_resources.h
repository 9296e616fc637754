// A node holds a pod when its free resources do. Among those that can, the emptier and the more evenly used are better.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

bool FitsResources(const Attempt& attempt, const NodeInfo& node);
// Whether the empty node would have room.
bool RoomHelpsResources(const Attempt& attempt, const NodeInfo& node);
void ExplainResources(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons);

bool RatesResources(const Attempt& attempt, std::span<const NodeInfo* const> nodes);
void RateLeastAllocated(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);
void RateBalancedAllocation(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);

}  // namespace sampan::scheduler::plugins
