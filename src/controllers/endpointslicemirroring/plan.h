// The EndpointSlices that say what some Endpoints say. Pure.
#pragma once

#include <span>

#include "controllers/common/service_pods.h"
#include "controllers/endpointslice/plan.h"

namespace sampan::controllers::endpointslicemirroring {

using EndpointsPtr = client::TypedPtr<api::core::Endpoints>;

inline constexpr std::string_view kManager = "endpointslicemirroring-controller.k8s.io";
inline constexpr size_t kMaxEndpoints = 1000;  // of one set of ports and family; more are left out

// Whether the Endpoints are somebody's own: of a service that has no selector, not marked as not to be mirrored, and not a
// leader's lock. Both may be null.
bool IsMirrored(const EndpointsPtr& endpoints, const ServicePtr& service);

// `existing`: the slices that this controller keeps for them.
endpointslice::Plan PlanMirror(const EndpointsPtr& endpoints, std::span<const endpointslice::SlicePtr> existing);

}  // namespace sampan::controllers::endpointslicemirroring
