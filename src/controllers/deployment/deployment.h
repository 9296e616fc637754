// The Deployment controller: rolls pod templates out over ReplicaSets. Cluster view.
#pragma once

#include <memory>

#include "controllers/common/controller.h"

namespace sampan::controllers {

std::unique_ptr<Controller> NewDeploymentController(World world);

}  // namespace sampan::controllers
