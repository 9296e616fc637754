// Pod garbage collection: removes pods that no node will. Cluster view.
#pragma once

#include <memory>

#include "controllers/common/controller.h"

namespace sampan::controllers {

std::unique_ptr<Controller> NewPodGarbageCollector(World world, int terminated_threshold);

}  // namespace sampan::controllers
