// The objects that a simulated node writes. Pure.
#pragma once

#include <string>

#include "api/types/core.h"
#include "base/time.h"
#include "codec/json.h"
#include "node/simulate/simulation.h"

namespace sampan::node::simulate {

json::Value NodeObject(const SimulationOptions& options, const std::string& name, WallTime now);
json::Value LeaseObject(const std::string& node, WallTime now);
json::Value LeaseRenewal(WallTime now);  // merge patch

// A merge patch of the status: every container runs and is ready. `sequence` makes the pod's address.
json::Value RunningStatus(const api::core::Pod& pod, uint32_t sequence, WallTime now);

}  // namespace sampan::node::simulate
