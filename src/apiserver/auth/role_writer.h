// Writes roles: the defaults at start, and the rules of aggregated ones whenever a cluster role changes.
#pragma once

#include "async/cancel.h"
#include "async/task.h"
#include "client/client.h"
#include "store/cache.h"

namespace sampan::apiserver::auth {

// Everything is borrowed until the tasks are done; `client` may do everything.
Task<Result<void>> EnsureDefaultRoles(client::Client* client, store::CacheSet* caches);
Task<void> KeepRolesAggregated(client::Client* client, store::CacheSet* caches, CancelToken stop);

}  // namespace sampan::apiserver::auth
