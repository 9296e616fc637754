#include "node/pods/admission.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "node/pods/amount.h"
#include "node/pods/resources.h"

namespace sampan::node {
namespace {

using namespace api::core;

using HostPort = std::tuple<std::string, int32_t, std::string>;  // protocol, port, address
constexpr std::string_view kAnyAddress = "0.0.0.0";

std::set<HostPort> HostPortsOf(const PodSpec& spec) {
  std::set<HostPort> ports;
  for (const auto* list : {&spec.init_containers, &spec.containers}) {
    for (const Container& container : *list) {
      for (const ContainerPort& port : container.ports) {
        if (port.host_port.value_or(0) == 0) continue;
        ports.emplace(port.protocol.empty() ? "TCP" : port.protocol, *port.host_port,
                      port.host_ip.empty() ? kAnyAddress : std::string_view(port.host_ip));
      }
    }
  }
  return ports;
}

bool Holds(const std::set<HostPort>& taken, const HostPort& wanted) {
  const auto& [protocol, port, address] = wanted;
  auto found = taken.lower_bound({protocol, port, ""});
  for (; found != taken.end() && std::get<0>(*found) == protocol && std::get<1>(*found) == port; ++found) {
    const std::string& other = std::get<2>(*found);
    if (other == address || other == kAnyAddress || address == kAnyAddress) return true;
  }
  return false;
}

// Those that are the pod's own and cost nobody else anything.
constexpr std::array<std::string_view, 12> kSafeSysctls = {"kernel.shm_rmid_forced",
                                                           "net.ipv4.ip_local_port_range",
                                                           "net.ipv4.tcp_syncookies",
                                                           "net.ipv4.ping_group_range",
                                                           "net.ipv4.ip_unprivileged_port_start",
                                                           "net.ipv4.ip_local_reserved_ports",
                                                           "net.ipv4.tcp_keepalive_time",
                                                           "net.ipv4.tcp_fin_timeout",
                                                           "net.ipv4.tcp_keepalive_intvl",
                                                           "net.ipv4.tcp_keepalive_probes",
                                                           "net.ipv4.tcp_rmem",
                                                           "net.ipv4.tcp_wmem"};

// What a pod asks for that it would silently not get here, or must not get.
std::optional<Rejection> NotHere(const PodSpec& spec) {
  const PodSecurityContext& security = spec.security_context.OrEmpty();
  for (const Sysctl& sysctl : security.sysctls) {
    std::string name = sysctl.name;
    std::ranges::replace(name, '/', '.');
    if (std::ranges::find(kSafeSysctls, name) != kSafeSysctls.end()) continue;
    return Rejection{"SysctlForbidden", fmt::format("Pod was rejected: forbidden sysctl: \"{}\" not allowlisted", name)};
  }
  if (!spec.host_users.value_or(true)) {
    return Rejection{"UserNamespacesNotSupported",
                     "Pod was rejected: can't set `spec.hostUsers: false`, runtime does not support user namespaces"};
  }
  if (security.supplemental_groups_policy == "Strict") {
    return Rejection{"SupplementalGroupsPolicyNotSupported",
                     "Pod was rejected: SupplementalGroupsPolicy=Strict is not supported in this node"};
  }
  const Rejection apparmor{"AppArmor", "Pod was rejected: Cannot enforce AppArmor: profiles of the node are not supported"};
  if (security.app_armor_profile.OrEmpty().type == "Localhost") return apparmor;
  for (const auto* list : {&spec.init_containers, &spec.containers}) {
    for (const Container& container : *list) {
      if (container.security_context.OrEmpty().app_armor_profile.OrEmpty().type == "Localhost") return apparmor;
      if (std::ranges::find(container.volume_mounts, "Enabled", &VolumeMount::recursive_read_only) ==
          container.volume_mounts.end()) {
        continue;
      }
      return Rejection{"RecursiveReadOnlyNotSupported",
                       "Pod was rejected: recursive read-only mounts are not supported by the runtime"};
    }
  }
  return std::nullopt;
}

constexpr std::string_view kNoFreePorts =
    "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";

Rejection TooLittle(std::string_view resource, int64_t requested, int64_t used, int64_t capacity) {
  return {fmt::format("OutOf{}", resource),
          fmt::format("Pod was rejected: Node didn't have enough resource: {}, requested: {}, used: {}, capacity: {}",
                      resource, requested, used, capacity)};
}

}  // namespace

std::optional<Rejection> RejectionOf(const Pod& pod, const api::Map<api::Quantity>& allocatable,
                                     std::span<const Pod* const> others) {
  if (std::optional<Rejection> refused = NotHere(pod.spec)) return refused;
  const api::Quantity* places = allocatable.Find("pods");
  const auto count = static_cast<int64_t>(others.size());
  if (places != nullptr && count >= places->Value()) return TooLittle("pods", 1, count, places->Value());
  for (std::string_view resource : {"cpu", "memory", "ephemeral-storage"}) {
    const api::Quantity* total = allocatable.Find(resource);
    const int64_t wanted = PodRequest(pod.spec, resource);
    if (total == nullptr || wanted <= 0) continue;
    const int64_t capacity = resource == "cpu" ? total->MilliValue() : total->Value();
    int64_t used = 0;
    for (const Pod* other : others) used = AddAmounts(used, PodRequest(other->spec, resource));
    if (AddAmounts(used, wanted) > capacity) return TooLittle(resource, wanted, used, capacity);
  }
  const std::set<HostPort> ports = HostPortsOf(pod.spec);
  if (ports.empty()) return std::nullopt;
  for (const Pod* other : others) {
    const std::set<HostPort> taken = HostPortsOf(other->spec);
    if (std::ranges::none_of(ports, [&](const HostPort& port) { return Holds(taken, port); })) continue;
    return Rejection{"NodePorts", std::string(kNoFreePorts)};
  }
  return std::nullopt;
}

std::optional<Rejection> HostPortsTaken(std::span<const cri::PortMapping> mappings, std::span<const os::Listener> listeners,
                                        std::string_view cluster_dns) {
  for (const cri::PortMapping& mapping : mappings) {
    const bool all = mapping.host_ip.empty() || mapping.host_ip == kAnyAddress;
    for (const os::Listener& listener : listeners) {
      const bool tcp = listener.protocol == os::Listener::Protocol::kTcp;
      if (mapping.protocol != (tcp ? cri::PortMapping::Protocol::kTcp : cri::PortMapping::Protocol::kUdp)) continue;
      if (mapping.host_port != listener.port || (!listener.address.empty() && listener.address == cluster_dns)) continue;
      if (!all && !listener.address.empty() && listener.address != mapping.host_ip) continue;
      return Rejection{"NodePorts", fmt::format("{}: the host serves {} itself", kNoFreePorts, listener.port)};
    }
  }
  return std::nullopt;
}

}  // namespace sampan::node
