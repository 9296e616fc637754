// Nodes that hold the pod's images already are better, the more so the larger the images.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

bool RatesImages(const Attempt& attempt, std::span<const NodeInfo* const> nodes);
void RateImages(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings);

}  // namespace sampan::scheduler::plugins
