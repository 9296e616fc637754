// What the node and its containers use, as /metrics/resource and /stats/summary tell it.
#pragma once

#include <string>
#include <vector>

#include "node/cri/types.h"

namespace sampan::node {

struct NodeUsage {
  uint64_t cpu_nanoseconds = 0;  // since boot
  uint64_t memory_working_set_bytes = 0;
  uint64_t memory_available_bytes = 0;
};
NodeUsage ReadNodeUsage();  // blocks

std::string ResourceMetricsText(const NodeUsage& node, const std::vector<cri::ContainerStats>& containers);
std::string SummaryJson(const std::string& node_name, const NodeUsage& node,
                        const std::vector<cri::ContainerStats>& containers, WallTime now);

}  // namespace sampan::node
