// Fills in what the user left out, exactly as kube-apiserver v1.36 stores it.
#pragma once

#include "api/kind.h"
#include "codec/json.h"

namespace sampan::api {

// Literal defaults come from the schema; those that depend on other fields from one small function a kind. Idempotent;
// wrongly typed fields are left for validation. What needs the cluster's state (cluster IPs, node ports, service account
// names, tolerations by admission) is not done here. Thread-safe.
void ApplyDefaults(const KindInfo& kind, json::Value& object);

}  // namespace sampan::api
