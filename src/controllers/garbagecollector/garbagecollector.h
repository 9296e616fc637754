// The garbage collector: removes objects whose owners are gone, and carries out foreground and orphaning deletions.
// Cluster view. It keeps no graph of its own: who depends on whom is an index of the shared caches, so that an object
// without owners costs nothing, and work is proportional to changes.
#pragma once

#include <memory>

#include "controllers/common/controller.h"
#include "controllers/common/kinds.h"

namespace sampan::controllers {

std::unique_ptr<Controller> NewGarbageCollector(World world, KindSource kinds = DeletableKinds);

}  // namespace sampan::controllers
