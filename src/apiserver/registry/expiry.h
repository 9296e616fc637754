// Removes objects whose time is over (Events).
#pragma once

#include "apiserver/registry/registry.h"

namespace sampan::apiserver {

// Looks once a minute until `stop`. The registry outlives the task.
Task<void> RunExpiry(Registry* registry, CancelToken stop);
// One look; how many objects were removed.
Task<size_t> ExpireObjects(Registry* registry);

}  // namespace sampan::apiserver
