// Spreads pods evenly over zones, nodes or whatever else labels make of the cluster: as the pod's own rules demand or
// prefer, and, when it has none, so that the pods of one owner do not gather in one place.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

// The pod has rules.
SpreadFacts PrepareSpread(const PodInfo& pod, const Cluster& cluster, const Without& without);

bool FitsSpread(const Attempt& attempt, const NodeInfo& node);
void ExplainSpread(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons);
// Whether fewer pods on the node could make it fit.
bool RoomHelpsSpread(const Attempt& attempt, const NodeInfo& node);

bool RatesSpread(const Attempt& attempt, std::span<const NodeInfo* const> nodes);
void RateSpread(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);

}  // namespace sampan::scheduler::plugins
