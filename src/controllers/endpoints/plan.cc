#include "controllers/endpoints/plan.h"

#include <algorithm>
#include <map>

namespace sampan::controllers::endpoints {
namespace {

using api::core::EndpointAddress;
using api::core::EndpointPort;
using api::core::Endpoints;
using api::core::EndpointSubset;

constexpr std::string_view kOverCapacity = "endpoints.kubernetes.io/over-capacity";

std::vector<EndpointPort> PortsOf(const ServicePtr& service, const ResolvedPorts& numbers) {
  std::vector<EndpointPort> ports;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const api::core::ServicePort& port = service->spec.ports[i];
    if (!numbers[i]) continue;
    ports.push_back({port.name, *numbers[i], port.protocol.empty() ? "TCP" : port.protocol, port.app_protocol});
  }
  return ports;
}

std::string KeyOf(const std::vector<EndpointPort>& ports) {
  std::string key;
  for (const EndpointPort& port : ports) key += fmt::format("{}/{}/{};", port.name, port.protocol, port.port);
  return key;
}

EndpointAddress AddressOfPod(const ServicePtr& service, const PodPtr& pod, std::string ip) {
  EndpointAddress address;
  address.ip = std::move(ip);
  address.hostname = HostnameIn(service, pod);
  address.node_name = pod->spec.node_name;
  api::core::ObjectReference target;
  target.kind = "Pod";
  target.namespace_ = pod.namespace_();
  target.name = pod.name();
  target.uid = pod.uid();
  address.target_ref = std::move(target);
  return address;
}

}  // namespace

Endpoints PlanEndpoints(const ServicePtr& service, std::span<const PodPtr> pods, const Endpoints* current) {
  std::string family = service->spec.ip_families.empty() ? "IPv4" : service->spec.ip_families.front();
  struct Found {
    std::string ip;
    const PodPtr* pod;
    bool ready;
  };
  std::vector<Found> found;
  for (const PodPtr& pod : pods) {
    if (!IsBackend(*pod)) continue;
    Backend backend = MakeBackend(service, pod);
    // Unlike a slice, Endpoints cannot say that an address is about to go.
    if (backend.terminating && !backend.ready) continue;
    std::string ip = AddressOf(*pod, family);
    if (!ip.empty()) found.push_back({std::move(ip), &pod, backend.ready});
  }
  // Ready ones first, so that a cut leaves out those that are of no use.
  std::ranges::sort(found, [](const Found& a, const Found& b) {
    return std::tie(b.ready, a.ip, a.pod->uid()) < std::tie(a.ready, b.ip, b.pod->uid());
  });
  bool truncated = found.size() > kMaxAddresses;
  if (truncated) found.resize(kMaxAddresses);

  std::map<std::string, EndpointSubset> subsets;
  std::map<ResolvedPorts, EndpointSubset*> known;  // most pods are alike: their ports are written once
  for (Found& one : found) {
    auto [entry, fresh] = known.try_emplace(ResolvePorts(service->spec.ports, **one.pod), nullptr);
    EndpointSubset*& subset = entry->second;
    if (fresh) {
      std::vector<EndpointPort> ports = PortsOf(service, entry->first);
      bool none = ports.empty() && !service->spec.ports.empty();
      if (!none) {
        subset = &subsets[KeyOf(ports)];
        subset->ports = std::move(ports);
      }
    }
    if (subset == nullptr) continue;
    auto& addresses = one.ready ? subset->addresses : subset->not_ready_addresses;
    addresses.push_back(AddressOfPod(service, *one.pod, std::move(one.ip)));
  }

  Endpoints out;
  if (current != nullptr) out.metadata = current->metadata;
  out.metadata.name = service.name();
  out.metadata.namespace_ = service.namespace_();
  out.metadata.labels = service.head().labels;
  out.metadata.labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller";
  if (IsHeadless(*service)) out.metadata.labels["service.kubernetes.io/headless"] = "";
  out.metadata.annotations.Erase(kOverCapacity);
  if (truncated) out.metadata.annotations[kOverCapacity] = "truncated";
  for (auto& [key, subset] : subsets) out.subsets.push_back(std::move(subset));
  return out;
}

}  // namespace sampan::controllers::endpoints
