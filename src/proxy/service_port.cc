#include "proxy/service_port.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "api/meta/ip_address.h"
#include "proxy/plain.h"

namespace sampan::proxy {

namespace {

using api::core::Service;
using api::discovery::Endpoint;
using api::discovery::EndpointSlice;

constexpr int kDefaultAffinitySeconds = 10800;
constexpr int kMostAffinitySeconds = 86400;

bool IsReady(const Endpoint& endpoint) {
  return !endpoint.conditions || endpoint.conditions->ready.value_or(true);
}

// Accepts connections although it is about to end.
bool ServesUntilEnd(const Endpoint& endpoint) {
  if (!endpoint.conditions) return false;
  return endpoint.conditions->serving.value_or(false) && endpoint.conditions->terminating.value_or(false);
}

constexpr std::array<std::string_view, 3> kProtocols = {"TCP", "UDP", "SCTP"};

std::optional<uint16_t> PortOf(int32_t number) {
  if (number < 1 || number > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(number);
}

struct Candidate {
  const Endpoint* endpoint;
  Backend backend;
};

std::string_view ProtocolOf(std::string_view text) {
  return text.empty() ? std::string_view("TCP") : text;
}

// The ports of a service's slices by name and protocol: both sides may have many.
struct SlicePort {
  const EndpointSlice* slice;
  uint16_t number;
};
using SlicePorts = std::multimap<std::pair<std::string_view, std::string_view>, SlicePort>;

SlicePorts PortsOf(std::span<const EndpointSlice* const> slices, IpFamily family) {
  SlicePorts ports;
  std::string_view wanted = family == IpFamily::kIpv4 ? "IPv4" : "IPv6";
  for (const EndpointSlice* slice : slices) {
    if (slice->address_type != wanted) continue;
    for (const api::discovery::EndpointPort& port : slice->ports) {
      std::optional<uint16_t> number = PortOf(port.port.value_or(0));
      if (number)
        ports.emplace(std::pair(std::string_view(port.name), ProtocolOf(port.protocol)), SlicePort{slice, *number});
    }
  }
  return ports;
}

std::vector<Candidate> CandidatesOf(const SlicePorts& ports, std::string_view name, std::string_view protocol,
                                    IpFamily family) {
  std::vector<Candidate> candidates;
  auto [begin, end] = ports.equal_range({name, protocol});
  for (auto port = begin; port != end; ++port) {
    for (const Endpoint& endpoint : port->second.slice->endpoints) {
      // Consumers use the first address only; the others mean the same endpoint.
      if (endpoint.addresses.empty()) continue;
      std::optional<std::string> address = PlainAddress(endpoint.addresses[0], family);
      if (address) candidates.push_back({&endpoint, {*std::move(address), port->second.number}});
    }
  }
  return candidates;
}

bool HintsName(const Endpoint& endpoint, const NodeInfo& node) {
  const auto& hints = endpoint.hints.OrEmpty();
  if (!hints.for_nodes.empty()) {
    return std::any_of(hints.for_nodes.begin(), hints.for_nodes.end(), [&](const auto& n) { return n.name == node.name; });
  }
  return std::any_of(hints.for_zones.begin(), hints.for_zones.end(), [&](const auto& z) { return z.name == node.zone; });
}

// Topology hints count only when every ready endpoint has them and one is meant for here: anything else would lose
// traffic while the hints are being changed.
void KeepHinted(std::vector<Candidate>& ready, const NodeInfo& node) {
  auto has_hints = [](const Candidate& c) {
    const auto& hints = c.endpoint->hints.OrEmpty();
    return !hints.for_nodes.empty() || !hints.for_zones.empty();
  };
  if (ready.empty() || !std::all_of(ready.begin(), ready.end(), has_hints)) return;
  auto not_here = [&](const Candidate& c) { return !HintsName(*c.endpoint, node); };
  if (std::all_of(ready.begin(), ready.end(), not_here)) return;
  std::erase_if(ready, not_here);
}

std::vector<Backend> Sorted(const std::vector<Candidate>& candidates) {
  std::vector<Backend> backends;
  backends.reserve(candidates.size());
  for (const Candidate& candidate : candidates) backends.push_back(candidate.backend);
  std::sort(backends.begin(), backends.end());
  // The same pod may be in two slices while one replaces the other.
  backends.erase(std::unique(backends.begin(), backends.end()), backends.end());
  return backends;
}

std::vector<Candidate> Usable(const std::vector<Candidate>& candidates) {
  std::vector<Candidate> usable;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(usable),
               [](const Candidate& c) { return IsReady(*c.endpoint); });
  if (!usable.empty()) return usable;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(usable),
               [](const Candidate& c) { return ServesUntilEnd(*c.endpoint); });
  return usable;
}

void FillBackends(std::vector<Candidate> candidates, const NodeInfo& node, ServicePort& port) {
  std::vector<Candidate> everywhere = Usable(candidates);
  KeepHinted(everywhere, node);
  port.backends = Sorted(everywhere);
  std::erase_if(candidates, [&](const Candidate& c) { return c.endpoint->node_name != node.name; });
  port.local_backends = Sorted(Usable(candidates));
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return lower;
}

std::vector<std::string> InFamily(const std::vector<std::string>& addresses, IpFamily family) {
  std::vector<std::string> kept;
  for (const std::string& address : addresses) {
    if (std::optional<std::string> plain = PlainAddress(address, family)) kept.push_back(*std::move(plain));
  }
  return kept;
}

// Of those that users write: nobody reaches a service by this host's loopback, a multicast group or the like.
std::vector<std::string> ReachableInFamily(const std::vector<std::string>& addresses, IpFamily family) {
  std::vector<std::string> kept = InFamily(addresses, family);
  std::erase_if(kept, [](const std::string& address) {
    std::optional<api::IpAddress> parsed = api::IpAddress::Parse(address);
    return !parsed || !parsed->global_unicast();
  });
  return kept;
}

std::string ClusterIpOf(const Service& service, IpFamily family) {
  std::vector<std::string> addresses = service.spec.cluster_ips;
  if (addresses.empty()) addresses.push_back(service.spec.cluster_ip);
  std::erase(addresses, "None");
  addresses = InFamily(addresses, family);
  return addresses.empty() ? "" : addresses[0];
}

std::vector<std::string> LoadBalancerIpsOf(const Service& service, IpFamily family) {
  std::vector<std::string> addresses;
  for (const auto& ingress : service.status.load_balancer.OrEmpty().ingress) {
    // "Proxy": the balancer wants to see its traffic itself.
    if (ingress.ip_mode != "Proxy") addresses.push_back(ingress.ip);
  }
  return ReachableInFamily(addresses, family);
}

TrafficPolicy PolicyOf(std::string_view text) {
  return text == "Local" ? TrafficPolicy::kLocal : TrafficPolicy::kCluster;
}

// What all ports of the service have in common.
ServicePort CommonOf(const Service& service, std::string cluster_ip, IpFamily family) {
  ServicePort common;
  common.cluster_ip = std::move(cluster_ip);
  common.external_ips = ReachableInFamily(service.spec.external_ips, family);
  common.internal_policy = PolicyOf(service.spec.internal_traffic_policy);
  common.external_policy = PolicyOf(service.spec.external_traffic_policy);
  if (service.spec.type == "LoadBalancer") {
    common.load_balancer_ips = LoadBalancerIpsOf(service, family);
    const std::vector<std::string>& ranges = service.spec.load_balancer_source_ranges;
    common.source_ranges = PlainRanges(ranges, family);
    // Ranges that nobody understands let nobody in; those of the other family do not concern this one.
    bool understood = std::ranges::any_of(ranges, [](const std::string& range) {
      return PlainRange(range, IpFamily::kIpv4) || PlainRange(range, IpFamily::kIpv6);
    });
    if (!ranges.empty() && !understood) common.load_balancer_ips.clear();
  }
  if (service.spec.session_affinity == "ClientIP") {
    const auto& client = service.spec.session_affinity_config.OrEmpty().client_ip.OrEmpty();
    common.affinity_seconds = std::clamp(client.timeout_seconds.value_or(kDefaultAffinitySeconds), 1, kMostAffinitySeconds);
  }
  return common;
}

}  // namespace

IpFamily FamilyOf(std::string_view address) {
  return address.find(':') == address.npos ? IpFamily::kIpv4 : IpFamily::kIpv6;
}

bool AsksTooMuch(const Service& service, std::span<const EndpointSlice* const> slices) {
  constexpr size_t kMostFronts = 4096;
  constexpr size_t kMostElements = 250'000;
  const size_t addresses = 1 + service.spec.external_ips.size() + service.status.load_balancer.OrEmpty().ingress.size();
  const size_t fronts = service.spec.ports.size() * addresses;
  size_t endpoints = 1;
  for (const EndpointSlice* slice : slices) endpoints += slice->endpoints.size();
  return fronts > kMostFronts || fronts * endpoints > kMostElements;
}

std::vector<ServicePort> ResolveService(const Service& service, std::span<const EndpointSlice* const> slices,
                                        const NodeInfo& node, IpFamily family) {
  if (service.spec.type == "ExternalName") return {};
  if (api::FindIn(service.metadata.labels, "service.kubernetes.io/service-proxy-name") != nullptr) return {};
  std::string cluster_ip = ClusterIpOf(service, family);
  if (cluster_ip.empty() || AsksTooMuch(service, slices)) return {};
  ServicePort common = CommonOf(service, std::move(cluster_ip), family);
  const SlicePorts slice_ports = PortsOf(slices, family);
  std::vector<ServicePort> ports;
  for (const api::core::ServicePort& declared : service.spec.ports) {
    ServicePort port = common;
    std::string_view protocol = ProtocolOf(declared.protocol);
    std::optional<uint16_t> number = PortOf(declared.port);
    if (!number || std::ranges::find(kProtocols, protocol) == kProtocols.end()) continue;
    port.protocol = Lower(protocol);
    port.name = PlainName(fmt::format("{}/{}/{}/{}", service.metadata.namespace_, service.metadata.name, port.protocol,
                                      declared.name.empty() ? std::to_string(declared.port) : declared.name));
    port.port = *number;
    port.node_port = PortOf(declared.node_port.value_or(0)).value_or(0);
    FillBackends(CandidatesOf(slice_ports, declared.name, protocol, family), node, port);
    ports.push_back(std::move(port));
  }
  return ports;
}

std::optional<LocalHealth> LocalHealthOf(const Service& service, std::span<const EndpointSlice* const> slices,
                                         std::string_view node_name) {
  bool wanted =
      service.spec.type == "LoadBalancer" && PolicyOf(service.spec.external_traffic_policy) == TrafficPolicy::kLocal;
  std::optional<uint16_t> port = PortOf(service.spec.health_check_node_port.value_or(0));
  if (!wanted || !port) return std::nullopt;
  std::set<std::string_view> addresses;  // a pod may be in two slices
  for (const EndpointSlice* slice : slices) {
    for (const Endpoint& endpoint : slice->endpoints) {
      if (endpoint.node_name == node_name && IsReady(endpoint) && !endpoint.addresses.empty()) {
        addresses.insert(endpoint.addresses[0]);
      }
    }
  }
  return LocalHealth{*port, addresses.size()};
}

}  // namespace sampan::proxy
