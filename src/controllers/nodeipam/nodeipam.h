// The node IPAM controller: gives every node that has none a range of pod addresses (spec.podCIDR). Cluster view.
#pragma once

#include <memory>
#include <string>

#include "controllers/common/controller.h"

namespace sampan::controllers {

struct NodeIpamOptions {
  std::string cluster_cidr;  // addresses of pods; empty: nodes get no range
  int node_mask = 24;
};

// Null when there is nothing to hand out.
std::unique_ptr<Controller> NewNodeIpamController(World world, const NodeIpamOptions& options);

}  // namespace sampan::controllers
