#include "controllers/endpointslicemirroring/plan.h"

#include <algorithm>
#include <map>

namespace sampan::controllers::endpointslicemirroring {
namespace {

using api::discovery::Endpoint;
using endpointslice::EndpointSlice;
using endpointslice::SlicePtr;

constexpr std::string_view kSkipLabel = "endpointslice.kubernetes.io/skip-mirror";
constexpr std::string_view kLeaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
constexpr std::string_view kUncopied[] = {"endpoints.kubernetes.io/last-change-trigger-time",
                                          "kubectl.kubernetes.io/last-applied-configuration"};

// One slice's worth: what shares family and ports.
struct Wanted {
  std::vector<api::discovery::EndpointPort> ports;
  std::map<std::string, Endpoint> endpoints;  // by address and target, so that equal input gives equal slices
};
using WantedByKey = std::map<std::string, Wanted>;  // by family and ports

std::string KeyFor(std::string_view family, const std::vector<api::discovery::EndpointPort>& ports) {
  std::string key(family);
  for (const auto& port : ports) key += fmt::format(";{}/{}/{}", port.name, port.protocol, port.port.value_or(0));
  return key;
}

std::string_view FamilyOf(std::string_view ip) {
  return ip.find(':') == std::string_view::npos ? "IPv4" : "IPv6";
}

void AddAddress(const api::core::EndpointAddress& address, bool ready,
                const std::vector<api::discovery::EndpointPort>& ports, WantedByKey& wanted) {
  Wanted& group = wanted[KeyFor(FamilyOf(address.ip), ports)];
  group.ports = ports;
  Endpoint endpoint;
  endpoint.addresses = {address.ip};
  endpoint.conditions = api::discovery::EndpointConditions{ready, std::nullopt, std::nullopt};
  endpoint.hostname = address.hostname;
  endpoint.node_name = address.node_name;
  endpoint.target_ref = address.target_ref;
  std::string key = address.ip + "/" + address.target_ref.OrEmpty().uid;
  if (group.endpoints.size() < kMaxEndpoints || group.endpoints.contains(key)) {
    group.endpoints.try_emplace(std::move(key), std::move(endpoint));
  }
}

WantedByKey Gather(const api::core::Endpoints& endpoints) {
  WantedByKey wanted;
  for (const api::core::EndpointSubset& subset : endpoints.subsets) {
    std::vector<api::discovery::EndpointPort> ports;
    for (const api::core::EndpointPort& port : subset.ports) {
      ports.push_back({port.name, port.protocol.empty() ? "TCP" : port.protocol, port.port, port.app_protocol});
    }
    for (const auto& address : subset.addresses) AddAddress(address, true, ports, wanted);
    for (const auto& address : subset.not_ready_addresses) AddAddress(address, false, ports, wanted);
  }
  return wanted;
}

EndpointSlice Render(const EndpointsPtr& endpoints, std::string_view family, Wanted wanted, const SlicePtr& origin) {
  EndpointSlice slice;
  if (origin) {
    slice.metadata = origin->metadata;
  } else {
    slice.metadata.generate_name = endpoints.name() + "-";
    slice.metadata.namespace_ = endpoints.namespace_();
    slice.metadata.owner_references.push_back({"v1", "Endpoints", endpoints.name(), endpoints.uid(), true, true});
  }
  slice.metadata.labels = endpoints->metadata.labels;
  slice.metadata.labels[endpointslice::kServiceName] = endpoints.name();
  slice.metadata.labels[endpointslice::kManagedBy] = std::string(kManager);
  slice.metadata.annotations = endpoints->metadata.annotations;
  for (std::string_view name : kUncopied) slice.metadata.annotations.Erase(name);
  slice.address_type = family;
  for (auto& [key, endpoint] : wanted.endpoints) slice.endpoints.push_back(std::move(endpoint));
  slice.ports = std::move(wanted.ports);
  return slice;
}

}  // namespace

bool IsMirrored(const EndpointsPtr& endpoints, const ServicePtr& service) {
  if (!endpoints || !service || !service->spec.selector.empty()) return false;
  if (endpoints.object()->deleting() || service.object()->deleting()) return false;
  const std::string* skip = endpoints.head().labels.Find(kSkipLabel);
  return (skip == nullptr || *skip != "true") && endpoints->metadata.annotations.Find(kLeaderAnnotation) == nullptr;
}

endpointslice::Plan PlanMirror(const EndpointsPtr& endpoints, std::span<const SlicePtr> existing) {
  endpointslice::Plan plan;
  WantedByKey wanted = Gather(*endpoints);
  std::vector<SlicePtr> spare;
  for (const SlicePtr& slice : existing) {
    if (slice.object()->deleting()) continue;
    auto found = wanted.find(KeyFor(slice->address_type, slice->ports));
    if (found == wanted.end()) {
      spare.push_back(slice);
      continue;
    }
    EndpointSlice rendered = Render(endpoints, slice->address_type, std::move(found->second), slice);
    if (!(rendered == *slice)) plan.update.push_back(std::move(rendered));
    wanted.erase(found);
  }
  for (auto& [key, group] : wanted) {
    std::string_view family = std::string_view(key).substr(0, 4);
    // A slice of the family that lost its ports takes others; the family itself can never change.
    auto reused = std::ranges::find_if(spare, [family](const SlicePtr& slice) { return slice->address_type == family; });
    if (reused == spare.end()) {
      plan.create.push_back(Render(endpoints, family, std::move(group), {}));
      continue;
    }
    plan.update.push_back(Render(endpoints, family, std::move(group), *reused));
    spare.erase(reused);
  }
  plan.remove = std::move(spare);
  return plan;
}

}  // namespace sampan::controllers::endpointslicemirroring
