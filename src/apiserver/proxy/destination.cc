#include "apiserver/proxy/destination.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "api/types/core.h"
#include "api/types/discovery.h"

namespace sampan::apiserver {
namespace {

constexpr uint16_t kKubeletPort = 10250;

Error NotAllowed() {
  return Error::BadRequest("address not allowed");
}

std::optional<uint16_t> PortOf(int64_t number) {
  if (number < 1 || number > 65535) return std::nullopt;
  return static_cast<uint16_t>(number);
}

std::optional<int64_t> NumberOf(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<uint16_t> ExplicitPort(std::string_view what, const ProxyName& wanted) {
  std::optional<int64_t> number = NumberOf(wanted.port);
  std::optional<uint16_t> port = number ? PortOf(*number) : std::nullopt;
  if (port) return *port;
  return Fail(Error::BadRequest("invalid {} request \"{}:{}\"", what, wanted.name, wanted.port));
}

uint16_t DefaultPort(const api::core::PodSpec& spec, ProxyName::Scheme scheme) {
  for (const auto& container : spec.containers) {
    if (container.ports.empty()) continue;
    if (std::optional<uint16_t> port = PortOf(container.ports[0].container_port)) return *port;
  }
  return scheme == ProxyName::Scheme::kHttps ? 443 : 80;
}

// Whether the pod runs in the network of its machine, whose addresses are then its own.
bool SharesHostNetwork(const api::core::Pod& pod) {
  return pod.spec.host_network && !pod.spec.node_name.empty();
}

// The address of an endpoint, when it may be connected to.
std::optional<api::IpAddress> EndpointAddress(const api::discovery::Endpoint& endpoint, const ServiceEndpoints& endpoints,
                                              const ServerPlace& server) {
  std::optional<api::IpAddress> address = api::IpAddress::Parse(endpoint.addresses[0]);
  if (!address || !address->global_unicast()) return std::nullopt;
  if (!server.IsOwn(*address)) return address;
  const auto& target = endpoint.target_ref;
  if (!target || target->kind != "Pod") return std::nullopt;
  api::ObjectPtr pod = endpoints.pod(target->name);
  bool runs_there = pod != nullptr && SharesHostNetwork(pod->As<api::core::Pod>()) &&
                    api::IpAddress::Parse(pod->As<api::core::Pod>().status.pod_ip) == address;
  return runs_there ? address : std::nullopt;
}

const api::core::ServicePort* FindPort(const api::core::Service& service, std::string_view wanted) {
  const auto& ports = service.spec.ports;
  std::optional<int64_t> number = NumberOf(wanted);
  auto found = std::ranges::find_if(ports, [&](const api::core::ServicePort& port) {
    return wanted.empty() || (number ? port.port == *number : port.name == wanted);
  });
  return found == ports.end() ? nullptr : &*found;
}

// The port of that name with the slice's number.
std::optional<uint16_t> SlicePort(const api::discovery::EndpointSlice& slice, std::string_view name) {
  auto found = std::ranges::find_if(slice.ports, [&](const auto& port) { return port.name == name; });
  return found == slice.ports.end() ? std::nullopt : PortOf(found->port.value_or(0));
}

std::optional<api::IpAddress> NodeAddress(const api::Object& node) {
  const auto& addresses = node.As<api::core::Node>().status.addresses;
  for (std::string_view type : {"InternalIP", "ExternalIP"}) {
    for (const auto& candidate : addresses) {
      if (candidate.type != type) continue;
      if (std::optional<api::IpAddress> address = api::IpAddress::Parse(candidate.address)) return address;
    }
  }
  return std::nullopt;
}

Error NoAddress(const api::Object& node) {
  return Error::ServiceUnavailable("no preferred addresses found for node \"{}\"", node.name());
}

}  // namespace

Result<ProxyName> ProxyName::Parse(std::string_view what, std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(':', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  ProxyName parsed;
  std::string_view scheme = parts.size() == 3 ? parts[0] : "";
  if (parts.size() == 3) parts.erase(parts.begin());
  bool known = scheme.empty() || scheme == "http" || scheme == "https";
  if (parts.size() > 2 || parts[0].empty() || !known) {
    return Fail(Error::BadRequest("invalid {} request \"{}\"", what, text));
  }
  if (scheme == "https") parsed.scheme = Scheme::kHttps;
  parsed.name = parts[0];
  if (parts.size() == 2) parsed.port = parts[1];
  return parsed;
}

bool ServerPlace::IsOwn(const api::IpAddress& address) const {
  return address.loopback() || api::IpAddress::Parse(advertise_address) == address ||
         std::ranges::find(own, address) != own.end();
}

std::vector<api::IpAddress> OwnAddresses() {
  std::vector<api::IpAddress> own;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return own;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    if (one->ifa_addr->sa_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
      own.push_back(api::IpAddress::FromV4(reinterpret_cast<const uint8_t*>(&v4->sin_addr)));
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      own.push_back(api::IpAddress::FromV6(reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr.s6_addr));
    }
  }
  freeifaddrs(all);
  return own;
}

Result<Destination> PodDestination(const api::Object& pod, const ProxyName& wanted, const ServerPlace& server) {
  const auto& typed = pod.As<api::core::Pod>();
  if (typed.status.pod_ip.empty()) return Fail(Error::ServiceUnavailable("pod {} has no address yet", wanted.name));
  std::optional<api::IpAddress> address = api::IpAddress::Parse(typed.status.pod_ip);
  if (!address || !address->global_unicast()) return Fail(NotAllowed());
  if (server.IsOwn(*address) && !SharesHostNetwork(typed)) return Fail(NotAllowed());
  if (wanted.port.empty()) return Destination{*address, DefaultPort(typed.spec, wanted.scheme)};
  TRY(uint16_t port, ExplicitPort("pod", wanted));
  return Destination{*address, port};
}

Result<Destination> ServiceDestination(const ServiceEndpoints& endpoints, const ProxyName& wanted,
                                       const ServerPlace& server) {
  const api::core::ServicePort* wanted_port = FindPort(endpoints.service.As<api::core::Service>(), wanted.port);
  if (wanted_port == nullptr) {
    return Fail(Error::ServiceUnavailable("no service port \"{}\" found for service \"{}\"", wanted.port, wanted.name));
  }
  bool refused = false;
  for (const api::ObjectPtr& object : endpoints.slices) {
    const std::string* service = api::FindIn(object->head().labels, "kubernetes.io/service-name");
    if (service == nullptr || *service != wanted.name) continue;
    const auto& slice = object->As<api::discovery::EndpointSlice>();
    std::optional<uint16_t> port = SlicePort(slice, wanted_port->name);
    if (!port) continue;
    for (const auto& endpoint : slice.endpoints) {
      bool ready = !endpoint.conditions || endpoint.conditions->ready.value_or(true);
      if (!ready || endpoint.addresses.empty()) continue;
      std::optional<api::IpAddress> address = EndpointAddress(endpoint, endpoints, server);
      if (address) return Destination{*address, *port};
      refused = true;
    }
  }
  if (refused) return Fail(NotAllowed());
  return Fail(Error::ServiceUnavailable("no endpoints available for service \"{}\"", wanted.name));
}

Result<Destination> KubeletOf(const api::Object& node, const ServerPlace& server) {
  std::optional<api::IpAddress> address = NodeAddress(node);
  if (!address) return Fail(NoAddress(node));
  Destination kubelet{*address, kKubeletPort};
  const json::Value document = node.Parse();
  const json::Value* endpoint = json::Find(document, "status", "daemonEndpoints", "kubeletEndpoint");
  const json::Value* number = endpoint == nullptr ? nullptr : json::Find(*endpoint, "Port");
  if (number != nullptr && number->is_int64() && number->get_int64() != 0) {
    std::optional<uint16_t> port = PortOf(number->get_int64());
    if (!port) return Fail(NotAllowed());
    kubelet.port = *port;
  }
  std::optional<api::IpAddress> advertised = api::IpAddress::Parse(server.advertise_address);
  bool local_cluster = address->loopback() && advertised && advertised->loopback();
  bool itself = server.IsOwn(*address) && kubelet.port == server.secure_port;
  if (itself || (!address->global_unicast() && !local_cluster)) return Fail(NotAllowed());
  return kubelet;
}

Result<Destination> NodeDestination(const api::Object& node, const ProxyName& wanted) {
  std::optional<api::IpAddress> address = NodeAddress(node);
  if (!address) return Fail(NoAddress(node));
  if (!address->global_unicast()) return Fail(NotAllowed());
  TRY(uint16_t port, ExplicitPort("node", wanted));
  return Destination{*address, port};
}

}  // namespace sampan::apiserver
