// Pods that want to be near other pods, or away from them.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

// Nothing when neither the pod nor any placed pod says anything about this.
std::optional<AffinityFacts> PrepareAffinity(const PodInfo& pod, const Cluster& cluster, const Without& without);

bool FitsPodAffinity(const Attempt& attempt, const NodeInfo& node);
void ExplainPodAffinity(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons);
// Whether fewer pods on the node could make it fit.
bool RoomHelpsPodAffinity(const Attempt& attempt, const NodeInfo& node);

bool RatesPodAffinity(const Attempt& attempt, std::span<const NodeInfo* const> nodes);
void RatePodAffinity(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);

}  // namespace sampan::scheduler::plugins
