// The Endpoints controller: the older form of what EndpointSlices publish. Cluster view.
#pragma once

#include <memory>

#include "controllers/common/controller.h"

namespace sampan::controllers {

std::unique_ptr<Controller> NewEndpointsController(World world);

}  // namespace sampan::controllers
