#include "daemon/host.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "os/netlink.h"

namespace sampan::daemon {
namespace {

constexpr char kLoopback[] = "127.0.0.1";

bool IsV4(const std::string& address) {
  in_addr parsed{};
  return inet_pton(AF_INET, address.c_str(), &parsed) == 1;
}

// The link of the default route, or 0.
int DefaultLink(os::Netlink& netlink, std::string& source) {
  auto routes = netlink.Routes();
  if (!routes) return 0;
  for (const os::Route& route : *routes) {
    if (route.destination != "default" || !IsV4(route.gateway.empty() ? kLoopback : route.gateway)) continue;
    source = route.source;
    return route.link;
  }
  return 0;
}

}  // namespace

std::string HostName() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return "localhost";
  std::string name = buffer.data();
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

std::string HostAddress(const std::vector<std::string>& own_networks) {
  auto netlink = os::Netlink::Open();
  if (!netlink) return kLoopback;
  std::string source;
  int link = DefaultLink(*netlink, source);
  if (IsV4(source)) return source;
  auto addresses = netlink->Addresses();
  if (!addresses) return kLoopback;
  const os::Address* first = nullptr;
  for (const os::Address& address : *addresses) {
    if (address.host_scope || !IsV4(address.address)) continue;
    auto holds = [&](const std::string& network) { return InNetwork(address.address, network); };
    if (std::ranges::any_of(own_networks, holds)) continue;
    if (address.link == link) return address.address;
    if (first == nullptr) first = &address;
  }
  return first == nullptr ? kLoopback : first->address;
}

void FillFromHost(NodeConfig& config) {
  if (config.node_name.empty()) config.node_name = HostName();
  if (config.node_ip.empty()) config.node_ip = HostAddress({config.cluster_cidr, config.service_cluster_ip_range});
}

std::string AddressIn(const std::string& cidr, uint32_t index) {
  in_addr base{};
  inet_pton(AF_INET, cidr.substr(0, cidr.find('/')).c_str(), &base);
  base.s_addr = htonl(ntohl(base.s_addr) + index);
  std::array<char, INET_ADDRSTRLEN> text{};
  return inet_ntop(AF_INET, &base, text.data(), text.size());
}

bool InNetwork(const std::string& address, const std::string& cidr) {
  size_t slash = cidr.find('/');
  in_addr one{}, base{};
  if (inet_pton(AF_INET, address.c_str(), &one) != 1 || inet_pton(AF_INET, cidr.substr(0, slash).c_str(), &base) != 1) {
    return false;
  }
  uint32_t mask = ~uint32_t{0} << (32 - std::stoi(cidr.substr(slash + 1)));
  return ((ntohl(one.s_addr) ^ ntohl(base.s_addr)) & mask) == 0;
}

}  // namespace sampan::daemon
