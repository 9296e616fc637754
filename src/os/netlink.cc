#include "os/netlink.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/link/vxlan.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/fd.h"
#include "os/netlink_internal.h"

namespace sampan::os {

Error NlError(int code, std::string_view what) {
  Reason reason = Reason::kInternalError;
  switch (-code) {
    case NLE_EXIST:
      reason = Reason::kAlreadyExists;
      break;
    case NLE_OBJ_NOTFOUND:
    case NLE_NODEV:
    case NLE_NOADDR:
      reason = Reason::kNotFound;
      break;
    case NLE_PERM:
    case NLE_NOACCESS:
      reason = Reason::kForbidden;
      break;
    case NLE_BUSY:
      reason = Reason::kConflict;
      break;
    default:
      break;
  }
  return Error(reason, fmt::format("{}: {}", what, ::nl_geterror(code)));
}

Result<NlAddr> ParseNlAddr(const std::string& text, int family) {
  nl_addr* address = nullptr;
  int code = ::nl_addr_parse(text.c_str(), family, &address);
  if (code < 0) return Fail(Error::BadRequest("{:?} is not an address", text));
  return NlAddr(address);
}

std::string FormatNlAddr(const nl_addr* address) {
  if (address == nullptr) return "";
  char buffer[128];
  std::string text = ::nl_addr2str(address, buffer, sizeof buffer);
  return text.substr(0, text.find('/'));
}

void ForEach(nl_cache* cache, const std::function<void(nl_object*)>& visit) {
  for (nl_object* object = ::nl_cache_get_first(cache); object != nullptr; object = ::nl_cache_get_next(object))
    visit(object);
}

void Netlink::Closer::operator()(nl_sock* socket) const {
  ::nl_socket_free(socket);
}

Netlink::Netlink(std::unique_ptr<nl_sock, Closer> socket) : socket_(std::move(socket)) {}
Netlink::Netlink(Netlink&&) noexcept = default;
Netlink& Netlink::operator=(Netlink&&) noexcept = default;
Netlink::~Netlink() = default;

Result<Netlink> Netlink::Open() {
  std::unique_ptr<nl_sock, Closer> socket(::nl_socket_alloc());
  if (!socket) return Fail(Error::InternalError("no memory for a netlink socket"));
  int code = ::nl_connect(socket.get(), NETLINK_ROUTE);
  if (code < 0) return Fail(NlError(code, "open a netlink socket"));
  return Netlink(std::move(socket));
}

namespace {

Link LinkOf(rtnl_link* raw) {
  const char* kind = ::rtnl_link_get_type(raw);
  return Link{.index = ::rtnl_link_get_ifindex(raw),
              .name = ::rtnl_link_get_name(raw),
              .kind = kind != nullptr ? kind : "",
              .mac = FormatNlAddr(::rtnl_link_get_addr(raw)),
              .mtu = static_cast<int>(::rtnl_link_get_mtu(raw)),
              .master = ::rtnl_link_get_master(raw),
              .up = (::rtnl_link_get_flags(raw) & IFF_UP) != 0};
}

Result<NlLink> GetLink(nl_sock* socket, const std::string& name) {
  rtnl_link* raw = nullptr;
  int code = ::rtnl_link_get_kernel(socket, 0, name.c_str(), &raw);
  if (code < 0) return Fail(NlError(code, fmt::format("link {}", name)));
  return NlLink(raw);
}

// Sends `change` as the difference for the link `name`.
Result<void> ChangeLink(nl_sock* socket, const std::string& name, rtnl_link* change, std::string_view what) {
  TRY(NlLink link, GetLink(socket, name));
  int code = ::rtnl_link_change(socket, link.get(), change, 0);
  if (code < 0) return Fail(NlError(code, fmt::format("{} of link {}", what, name)));
  return {};
}

Result<void> SetMac(rtnl_link* link, const std::string& mac) {
  if (mac.empty()) return {};
  TRY(NlAddr address, ParseNlAddr(mac, AF_LLC));
  ::rtnl_link_set_addr(link, address.get());
  return {};
}

Result<void> FillVxlan(nl_sock* socket, rtnl_link* link, const LinkSpec& spec) {
  ::rtnl_link_vxlan_set_id(link, spec.vxlan_id);
  if (spec.vxlan_port != 0) ::rtnl_link_vxlan_set_port(link, spec.vxlan_port);
  // Entries come from the cluster's nodes, not from what traffic shows.
  ::rtnl_link_vxlan_set_learning(link, 0);
  if (!spec.vxlan_local.empty()) {
    TRY(NlAddr local, ParseNlAddr(spec.vxlan_local, AF_UNSPEC));
    ::rtnl_link_vxlan_set_local(link, local.get());
  }
  if (!spec.vxlan_device.empty()) {
    TRY(NlLink device, GetLink(socket, spec.vxlan_device));
    ::rtnl_link_vxlan_set_link(link, static_cast<uint32_t>(::rtnl_link_get_ifindex(device.get())));
  }
  return {};
}

Result<Fd> FillVethPeer(rtnl_link* link, const LinkSpec& spec) {
  NlLink peer(::rtnl_link_veth_get_peer(link));
  ::rtnl_link_set_name(peer.get(), spec.peer.c_str());
  if (spec.mtu > 0) ::rtnl_link_set_mtu(peer.get(), static_cast<unsigned>(spec.mtu));
  if (spec.peer_netns.empty()) return Fd();
  Fd netns(::open(spec.peer_netns.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns) return Fail(LastError(spec.peer_netns));
  ::rtnl_link_set_ns_fd(peer.get(), netns.get());
  return netns;
}

}  // namespace

Result<std::vector<Link>> Netlink::Links() {
  nl_cache* raw = nullptr;
  int code = ::rtnl_link_alloc_cache(socket_.get(), AF_UNSPEC, &raw);
  if (code < 0) return Fail(NlError(code, "list links"));
  NlCache cache(raw);
  std::vector<Link> links;
  ForEach(cache.get(), [&](nl_object* object) { links.push_back(LinkOf(reinterpret_cast<rtnl_link*>(object))); });
  return links;
}

Result<Link> Netlink::FindLink(const std::string& name) {
  TRY(NlLink link, GetLink(socket_.get(), name));
  return LinkOf(link.get());
}

Result<void> Netlink::CreateLink(const LinkSpec& spec) {
  NlLink link(::rtnl_link_alloc());
  ::rtnl_link_set_name(link.get(), spec.name.c_str());
  int code = ::rtnl_link_set_type(link.get(), spec.kind.c_str());
  if (code < 0) return Fail(NlError(code, fmt::format("link of kind {}", spec.kind)));
  if (spec.mtu > 0) ::rtnl_link_set_mtu(link.get(), static_cast<unsigned>(spec.mtu));
  TRY_VOID(SetMac(link.get(), spec.mac));
  Fd netns;
  if (spec.kind == "vxlan") TRY_VOID(FillVxlan(socket_.get(), link.get(), spec));
  if (spec.kind == "veth") {
    TRY(netns, FillVethPeer(link.get(), spec));
  }
  code = ::rtnl_link_add(socket_.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (code < 0) return Fail(NlError(code, fmt::format("create link {}", spec.name)));
  return {};
}

Result<void> Netlink::DeleteLink(const std::string& name) {
  NlLink link(::rtnl_link_alloc());
  ::rtnl_link_set_name(link.get(), name.c_str());
  int code = ::rtnl_link_delete(socket_.get(), link.get());
  if (code == -NLE_NODEV || code == -NLE_OBJ_NOTFOUND) return {};
  if (code < 0) return Fail(NlError(code, fmt::format("delete link {}", name)));
  return {};
}

Result<void> Netlink::SetUp(const std::string& name) {
  NlLink change(::rtnl_link_alloc());
  ::rtnl_link_set_flags(change.get(), IFF_UP);
  return ChangeLink(socket_.get(), name, change.get(), "set up");
}

Result<void> Netlink::SetMtu(const std::string& name, int mtu) {
  NlLink change(::rtnl_link_alloc());
  ::rtnl_link_set_mtu(change.get(), static_cast<unsigned>(mtu));
  return ChangeLink(socket_.get(), name, change.get(), "set the MTU");
}

Result<void> Netlink::SetMaster(const std::string& name, const std::string& bridge) {
  TRY(Link master, FindLink(bridge));
  NlLink change(::rtnl_link_alloc());
  ::rtnl_link_set_master(change.get(), master.index);
  return ChangeLink(socket_.get(), name, change.get(), "set the bridge");
}

Result<void> Netlink::MoveToNetns(const std::string& name, const std::string& netns_path) {
  Fd netns(::open(netns_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns) return Fail(LastError(netns_path));
  NlLink change(::rtnl_link_alloc());
  ::rtnl_link_set_ns_fd(change.get(), netns.get());
  return ChangeLink(socket_.get(), name, change.get(), "move the network namespace");
}

}  // namespace sampan::os
