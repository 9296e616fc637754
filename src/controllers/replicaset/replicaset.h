// The ReplicaSet controller: keeps the wanted number of pods running. Cluster view.
#pragma once

#include <memory>

#include "controllers/common/controller.h"

namespace sampan::controllers {

std::unique_ptr<Controller> NewReplicaSetController(World world);

}  // namespace sampan::controllers
