// The EndpointSlice mirroring controller: whoever writes Endpoints by hand, for a Service without selector, gets the
// EndpointSlices that the service proxy and the cluster's DNS read. Cluster view.
#pragma once

#include <memory>

#include "controllers/common/controller.h"

namespace sampan::controllers {

std::unique_ptr<Controller> NewEndpointSliceMirroringController(World world);

}  // namespace sampan::controllers
