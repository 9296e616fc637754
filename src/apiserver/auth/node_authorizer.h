// What a node may do: the requests of a node agent, with its service proxy and name server, limited to what the node owns
// and what its pods use. What only an object tells (the name of a new one, labels, owners) is admission's to refuse
// (admission/node_restriction.cc).
//
//   pods                                get its own; list and watch with fieldSelector=spec.nodeName=<node>; create;
//                                       delete, status and eviction of its own
//   nodes                               its own: create, get, list and watch by name, update, patch, status
//   secrets, configmaps                 get, list and watch by name those that its pods name
//   persistentvolumeclaims              get, and status of, those that its pods name
//   serviceaccounts/token               create for the accounts of its pods
//   leases                              its own in kube-node-lease
//   services, endpointslices, namespaces and the rest of the table in the .cc: as they stand there
#pragma once

#include <memory>

#include "apiserver/auth/auth.h"
#include "apiserver/auth/lookup.h"

namespace sampan::apiserver::auth {

// Says no about users that are no nodes (node_identity.h), without a reason. `lookup` is borrowed and outlives it.
std::unique_ptr<Authorizer> NewNodeAuthorizer(const Lookup& lookup);

}  // namespace sampan::apiserver::auth
