// The EndpointSlices of a Service, and the fewest writes that lead to them. Pure.
#pragma once

#include <span>
#include <vector>

#include "api/types/discovery.h"
#include "controllers/common/service_pods.h"

namespace sampan::controllers::endpointslice {

using api::discovery::EndpointSlice;
using SlicePtr = client::TypedPtr<EndpointSlice>;

inline constexpr size_t kMaxEndpoints = 100;  // a slice
inline constexpr std::string_view kServiceName = "kubernetes.io/service-name";
inline constexpr std::string_view kManagedBy = "endpointslice.kubernetes.io/managed-by";
inline constexpr std::string_view kManager = "endpointslice-controller.k8s.io";

struct Plan {
  std::vector<EndpointSlice> create;
  std::vector<EndpointSlice> update;  // with the resourceVersion they were planned from
  std::vector<SlicePtr> remove;
};

// `pods`: what the service selects. `existing`: the slices that this controller keeps for the service. An endpoint stays
// in its slice; new ones fill slices that change anyway, then others with room; a service without endpoints keeps one
// empty slice.
Plan PlanSlices(const ServicePtr& service, std::span<const PodPtr> pods, std::span<const SlicePtr> existing);

}  // namespace sampan::controllers::endpointslice
