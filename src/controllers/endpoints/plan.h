// The Endpoints object of a Service, for clients that do not read EndpointSlices. Pure.
#pragma once

#include <span>

#include "controllers/common/service_pods.h"

namespace sampan::controllers::endpoints {

inline constexpr size_t kMaxAddresses = 1000;  // the rest is left out, and an annotation says so

// `current`: what is published now; null when nothing is.
api::core::Endpoints PlanEndpoints(const ServicePtr& service, std::span<const PodPtr> pods,
                                   const api::core::Endpoints* current);

}  // namespace sampan::controllers::endpoints
