// What a node may do: the requests of a node agent, limited to its own Node and Lease, its pods, and what these use.
#pragma once

#include <memory>

#include "apiserver/auth/auth.h"
#include "apiserver/auth/lookup.h"

namespace sampan::apiserver::auth {

// Users of the group system:nodes with a name system:node:<node>; says no about everyone else, without a reason. `lookup`
// is borrowed and outlives it.
std::unique_ptr<Authorizer> NewNodeAuthorizer(const Lookup& lookup);

}  // namespace sampan::apiserver::auth
