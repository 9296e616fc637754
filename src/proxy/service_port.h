// What the proxy needs to know of one port of one service, worked out from the API objects. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/types/core.h"
#include "api/types/discovery.h"

namespace sampan::proxy {

enum class IpFamily : unsigned char { kIpv4, kIpv6 };
IpFamily FamilyOf(std::string_view address);

enum class TrafficPolicy : unsigned char { kCluster, kLocal };

struct Backend {
  std::string address;
  uint16_t port = 0;
  auto operator<=>(const Backend&) const = default;
};

// Where this proxy runs.
struct NodeInfo {
  std::string name;
  std::string zone;      // label topology.kubernetes.io/zone; empty when unknown
  std::string pod_cidr;  // of this node in the table's family; empty when unknown
  bool operator==(const NodeInfo&) const = default;
};

struct ServicePort {
  std::string name;      // "namespace/service/tcp/port", unique in the cluster, fit for names of chains
  std::string protocol;  // "tcp", "udp", "sctp"
  std::string cluster_ip;
  uint16_t port = 0;
  uint16_t node_port = 0;  // 0: none
  std::vector<std::string> external_ips;
  std::vector<std::string> load_balancer_ips;
  std::vector<std::string> source_ranges;  // who may use the load balancer's addresses; empty: everyone
  int affinity_seconds = 0;                // 0: none
  TrafficPolicy internal_policy = TrafficPolicy::kCluster;
  TrafficPolicy external_policy = TrafficPolicy::kCluster;
  std::vector<Backend> backends;        // sorted; the ready ones, or those that still serve while they end when none is
  std::vector<Backend> local_backends;  // the same of this node
};

// Whether ports, addresses and endpoints multiply to more than a service has: few bytes could ask for all of a node's
// memory.
bool AsksTooMuch(const api::core::Service& service, std::span<const api::discovery::EndpointSlice* const> slices);

// The ports of the service in the family; none for headless and ExternalName services, for those that another proxy serves
// (label service.kubernetes.io/service-proxy-name) and for those that ask too much.
std::vector<ServicePort> ResolveService(const api::core::Service& service,
                                        std::span<const api::discovery::EndpointSlice* const> slices, const NodeInfo& node,
                                        IpFamily family);

// The port at which load balancers ask whether this node has endpoints of the service, and how many are ready.
struct LocalHealth {
  uint16_t port = 0;
  size_t ready = 0;
};
// Nothing for services that have no such port.
std::optional<LocalHealth> LocalHealthOf(const api::core::Service& service,
                                         std::span<const api::discovery::EndpointSlice* const> slices,
                                         std::string_view node_name);

}  // namespace sampan::proxy
