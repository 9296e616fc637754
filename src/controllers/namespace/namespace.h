// The namespace controller: empties namespaces that are being deleted, then lets them go. Cluster view.
#pragma once

#include <memory>

#include "controllers/common/controller.h"
#include "controllers/common/kinds.h"

namespace sampan::controllers {

std::unique_ptr<Controller> NewNamespaceController(World world, KindSource kinds = DeletableKinds);

}  // namespace sampan::controllers
