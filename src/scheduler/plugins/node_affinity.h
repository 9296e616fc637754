// nodeSelector and node affinity: where a pod must go, and where it would rather go.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

// Whether the pod's selector and required affinity allow the node.
bool SelectsNode(const PodInfo& pod, const NodeInfo& node);

bool FitsNodeAffinity(const Attempt& attempt, const NodeInfo& node);
void ExplainNodeAffinity(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons);

bool RatesNodeAffinity(const Attempt& attempt, std::span<const NodeInfo* const> nodes);
void RateNodeAffinity(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);

}  // namespace sampan::scheduler::plugins
