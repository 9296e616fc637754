// The EndpointSlice controller: publishes which pods stand behind each Service. Cluster view.
#pragma once

#include <memory>

#include "controllers/common/controller.h"

namespace sampan::controllers {

std::unique_ptr<Controller> NewEndpointSliceController(World world);

}  // namespace sampan::controllers
