// The quality-of-service class of a pod: what its containers' requests and limits promise. Pure.
#pragma once

#include <string_view>

#include "codec/json.h"

namespace sampan::apiserver {

// "Guaranteed", "Burstable" or "BestEffort", by cpu and memory of all containers, init containers included.
std::string_view QosClassOf(const json::Value& pod);

}  // namespace sampan::apiserver
