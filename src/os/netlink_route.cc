// Netlink: addresses, routes and neighbours.
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/route/nexthop.h>
#include <sys/socket.h>

#include "os/netlink.h"
#include "os/netlink_internal.h"

namespace sampan::os {

namespace {

Result<NlRtAddr> BuildAddress(int link, const std::string& cidr) {
  TRY(NlAddr local, ParseNlAddr(cidr, AF_UNSPEC));
  NlRtAddr address(::rtnl_addr_alloc());
  ::rtnl_addr_set_ifindex(address.get(), link);
  int code = ::rtnl_addr_set_local(address.get(), local.get());
  if (code < 0) return Fail(NlError(code, cidr));
  // Without it the kernel holds an IPv6 address back for a second while it looks for duplicates.
  if (::nl_addr_get_family(local.get()) == AF_INET6) ::rtnl_addr_set_flags(address.get(), IFA_F_NODAD);
  return address;
}

Result<NlRoute> BuildRoute(const Route& route) {
  NlRoute raw(::rtnl_route_alloc());
  int family = route.gateway.find(':') != route.gateway.npos ? AF_INET6 : AF_INET;
  if (route.destination.find(':') != route.destination.npos) family = AF_INET6;
  TRY(NlAddr destination, ParseNlAddr(route.destination, family));
  ::rtnl_route_set_family(raw.get(), static_cast<uint8_t>(family));
  ::rtnl_route_set_dst(raw.get(), destination.get());
  ::rtnl_route_set_table(raw.get(), RT_TABLE_MAIN);
  ::rtnl_route_set_protocol(raw.get(), static_cast<uint8_t>(route.protocol != 0 ? route.protocol : RTPROT_STATIC));
  ::rtnl_route_set_scope(raw.get(), route.gateway.empty() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
  if (!route.source.empty()) {
    TRY(NlAddr source, ParseNlAddr(route.source, family));
    ::rtnl_route_set_pref_src(raw.get(), source.get());
  }
  rtnl_nexthop* hop = ::rtnl_route_nh_alloc();
  if (route.link != 0) ::rtnl_route_nh_set_ifindex(hop, route.link);
  if (route.onlink) ::rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
  ::rtnl_route_add_nexthop(raw.get(), hop);  // owns it from here
  if (!route.gateway.empty()) {
    TRY(NlAddr gateway, ParseNlAddr(route.gateway, family));
    ::rtnl_route_nh_set_gateway(hop, gateway.get());
  }
  return raw;
}

Route RouteOf(rtnl_route* raw) {
  Route route;
  nl_addr* destination = ::rtnl_route_get_dst(raw);
  unsigned prefix = destination != nullptr ? ::nl_addr_get_prefixlen(destination) : 0;
  route.destination = prefix == 0 ? "default" : fmt::format("{}/{}", FormatNlAddr(destination), prefix);
  route.source = FormatNlAddr(::rtnl_route_get_pref_src(raw));
  route.protocol = ::rtnl_route_get_protocol(raw);
  rtnl_nexthop* hop = ::rtnl_route_nexthop_n(raw, 0);
  if (hop != nullptr) {
    route.link = ::rtnl_route_nh_get_ifindex(hop);
    route.gateway = FormatNlAddr(::rtnl_route_nh_get_gateway(hop));
    route.onlink = (::rtnl_route_nh_get_flags(hop) & RTNH_F_ONLINK) != 0;
  }
  return route;
}

}  // namespace

Result<std::vector<Address>> Netlink::Addresses() {
  nl_cache* raw = nullptr;
  int code = ::rtnl_addr_alloc_cache(socket_.get(), &raw);
  if (code < 0) return Fail(NlError(code, "list addresses"));
  NlCache cache(raw);
  std::vector<Address> addresses;
  ForEach(cache.get(), [&](nl_object* object) {
    auto* entry = reinterpret_cast<rtnl_addr*>(object);
    addresses.push_back({.link = ::rtnl_addr_get_ifindex(entry),
                         .address = FormatNlAddr(::rtnl_addr_get_local(entry)),
                         .prefix = ::rtnl_addr_get_prefixlen(entry),
                         .host_scope = ::rtnl_addr_get_scope(entry) != RT_SCOPE_UNIVERSE});
  });
  return addresses;
}

Result<void> Netlink::AddAddress(const std::string& link, const std::string& cidr) {
  TRY(Link found, FindLink(link));
  TRY(NlRtAddr address, BuildAddress(found.index, cidr));
  // Never the source of packets that leave this host.
  if (link == "lo") ::rtnl_addr_set_scope(address.get(), RT_SCOPE_HOST);
  int code = ::rtnl_addr_add(socket_.get(), address.get(), 0);
  if (code < 0 && code != -NLE_EXIST) return Fail(NlError(code, fmt::format("add address {} to {}", cidr, link)));
  return {};
}

Result<void> Netlink::DeleteAddress(const std::string& link, const std::string& cidr) {
  Result<Link> found = FindLink(link);
  if (!found) return found.error().Is(Reason::kNotFound) ? Result<void>() : Fail(found.error());
  TRY(NlRtAddr address, BuildAddress(found->index, cidr));
  int code = ::rtnl_addr_delete(socket_.get(), address.get(), 0);
  if (code < 0 && code != -NLE_NOADDR && code != -NLE_OBJ_NOTFOUND) {
    return Fail(NlError(code, fmt::format("delete address {} of {}", cidr, link)));
  }
  return {};
}

Result<std::vector<Route>> Netlink::Routes() {
  nl_cache* raw = nullptr;
  int code = ::rtnl_route_alloc_cache(socket_.get(), AF_UNSPEC, 0, &raw);
  if (code < 0) return Fail(NlError(code, "list routes"));
  NlCache cache(raw);
  std::vector<Route> routes;
  ForEach(cache.get(), [&](nl_object* object) {
    auto* route = reinterpret_cast<rtnl_route*>(object);
    if (::rtnl_route_get_table(route) == RT_TABLE_MAIN) routes.push_back(RouteOf(route));
  });
  return routes;
}

Result<void> Netlink::ReplaceRoute(const Route& route) {
  TRY(NlRoute raw, BuildRoute(route));
  int code = ::rtnl_route_add(socket_.get(), raw.get(), NLM_F_CREATE | NLM_F_REPLACE);
  if (code < 0) return Fail(NlError(code, fmt::format("add route to {}", route.destination)));
  return {};
}

Result<void> Netlink::DeleteRoute(const Route& route) {
  TRY(NlRoute raw, BuildRoute(route));
  int code = ::rtnl_route_delete(socket_.get(), raw.get(), 0);
  if (code < 0 && code != -NLE_OBJ_NOTFOUND)
    return Fail(NlError(code, fmt::format("delete route to {}", route.destination)));
  return {};
}

Result<void> Netlink::ChangeNeighbour(int link, int family, const std::string& destination, const std::string& mac,
                                      Change change) {
  NlNeigh neighbour(::rtnl_neigh_alloc());
  ::rtnl_neigh_set_ifindex(neighbour.get(), link);
  ::rtnl_neigh_set_state(neighbour.get(), NUD_PERMANENT);
  if (!mac.empty()) {
    TRY(NlAddr address, ParseNlAddr(mac, AF_LLC));
    ::rtnl_neigh_set_lladdr(neighbour.get(), address.get());
  }
  TRY(NlAddr host, ParseNlAddr(destination, AF_UNSPEC));
  if (family == AF_BRIDGE) {
    ::rtnl_neigh_set_flags(neighbour.get(), NTF_SELF);
    ::rtnl_neigh_set_dst(neighbour.get(), host.get());
    ::rtnl_neigh_set_family(neighbour.get(), AF_BRIDGE);
  } else {
    ::rtnl_neigh_set_dst(neighbour.get(), host.get());
  }
  bool remove = change == Change::kDelete;
  int code = remove ? ::rtnl_neigh_delete(socket_.get(), neighbour.get(), 0)
                    : ::rtnl_neigh_add(socket_.get(), neighbour.get(), NLM_F_CREATE | NLM_F_REPLACE);
  if (remove && (code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV)) return {};
  if (code < 0) return Fail(NlError(code, fmt::format("neighbour {} {}", destination, mac)));
  return {};
}

Result<void> Netlink::SetNeighbour(int link, const std::string& address, const std::string& mac) {
  return ChangeNeighbour(link, AF_UNSPEC, address, mac, Change::kSet);
}
Result<void> Netlink::DeleteNeighbour(int link, const std::string& address) {
  return ChangeNeighbour(link, AF_UNSPEC, address, {}, Change::kDelete);
}
Result<void> Netlink::SetForwarding(int link, const std::string& mac, const std::string& host) {
  return ChangeNeighbour(link, AF_BRIDGE, host, mac, Change::kSet);
}
Result<void> Netlink::DeleteForwarding(int link, const std::string& mac, const std::string& host) {
  return ChangeNeighbour(link, AF_BRIDGE, host, mac, Change::kDelete);
}

Result<std::string> DefaultHostAddress() {
  TRY(Netlink netlink, Netlink::Open());
  TRY(std::vector<Route> routes, netlink.Routes());
  TRY(std::vector<Address> addresses, netlink.Addresses());
  for (const Route& route : routes) {
    if (route.destination != "default" || route.gateway.find(':') != route.gateway.npos) continue;
    if (!route.source.empty()) return route.source;
    for (const Address& address : addresses) {
      if (address.link == route.link && !address.host_scope && address.address.find(':') == address.address.npos) {
        return address.address;
      }
    }
  }
  return Fail(Error::NotFound("this host has no default route for IPv4"));
}

}  // namespace sampan::os
