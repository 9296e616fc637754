// Watches over nodes: one that stops renewing its Lease and status is marked, tainted and, at a bounded pace, emptied.
// Cluster view.
#pragma once

#include <chrono>
#include <memory>

#include "controllers/common/controller.h"

namespace sampan::controllers {

struct NodeLifecycleOptions {
  Duration monitor_period = std::chrono::seconds(5);
  Duration grace_period = std::chrono::seconds(40);   // of silence until a node counts as lost
  Duration startup_grace = std::chrono::seconds(60);  // the same for a node that never reported
};

std::unique_ptr<Controller> NewNodeLifecycleController(World world, NodeLifecycleOptions options = {});

// Deletes pods that do not tolerate a NoExecute taint of their node, when their tolerationSeconds are over.
std::unique_ptr<Controller> NewTaintEvictionController(World world);

}  // namespace sampan::controllers
