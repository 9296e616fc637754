// Links, addresses, routes and neighbours of the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

struct nl_sock;

namespace sampan::os {

struct Link {
  int index = 0;
  std::string name;
  std::string kind;  // "bridge", "veth", "vxlan", "dummy"; empty for hardware and loopback
  std::string mac;   // "0a:58:0a:f4:00:01"
  int mtu = 0;
  int master = 0;  // index of the bridge it belongs to
  bool up = false;
};

struct LinkSpec {
  std::string name;
  std::string kind;          // "bridge", "veth", "vxlan", "dummy"
  int mtu = 0;               // 0: the kernel's choice
  std::string mac;           // empty: the kernel's choice
  std::string peer;          // veth: the other end's name
  std::string peer_netns;    // veth: path of the namespace the other end goes to; empty stays here
  uint32_t vxlan_id = 0;     // vxlan
  std::string vxlan_local;   // vxlan: this host's address
  uint16_t vxlan_port = 0;   // vxlan
  std::string vxlan_device;  // vxlan: the interface that carries it; may be empty
};

struct Address {
  int link = 0;         // index
  std::string address;  // "10.244.0.1"
  int prefix = 0;
  bool host_scope = false;  // of a scope that other hosts cannot reach (127.0.0.1, link-local)
};

struct Route {
  std::string destination;  // "10.244.1.0/24", "default"
  std::string gateway;      // empty: on the link
  int link = 0;             // index; 0 with a gateway: the kernel finds it
  bool onlink = false;      // the gateway is behind the link though no route says so
  std::string source;       // preferred source address; may be empty
  int protocol = 0;         // who made it: RTPROT_*; 0: static when adding
};

// Not thread-safe. Errors: NotFound for an absent link, address or route, AlreadyExists, Forbidden without CAP_NET_ADMIN.
class Netlink {
 public:
  static Result<Netlink> Open();
  Netlink(Netlink&&) noexcept;
  Netlink& operator=(Netlink&&) noexcept;
  ~Netlink();

  Result<std::vector<Link>> Links();
  Result<Link> FindLink(const std::string& name);
  Result<void> CreateLink(const LinkSpec& spec);
  Result<void> DeleteLink(const std::string& name);  // fine when absent
  Result<void> SetUp(const std::string& name);
  Result<void> SetMtu(const std::string& name, int mtu);
  Result<void> SetMaster(const std::string& name, const std::string& bridge);
  Result<void> MoveToNetns(const std::string& name, const std::string& netns_path);

  Result<std::vector<Address>> Addresses();
  // `cidr` is "10.244.0.1/24". Fine when it is there already. On "lo" its scope is this host.
  Result<void> AddAddress(const std::string& link, const std::string& cidr);
  Result<void> DeleteAddress(const std::string& link, const std::string& cidr);  // fine when absent

  Result<std::vector<Route>> Routes();  // of the main table
  Result<void> ReplaceRoute(const Route& route);
  Result<void> DeleteRoute(const Route& route);  // fine when absent

  // Permanent entries for overlays: who has `address` on this link, and behind which host a MAC is.
  Result<void> SetNeighbour(int link, const std::string& address, const std::string& mac);
  Result<void> SetForwarding(int link, const std::string& mac, const std::string& host);  // bridge fdb of a vxlan link
  Result<void> DeleteNeighbour(int link, const std::string& address);                     // fine when absent
  Result<void> DeleteForwarding(int link, const std::string& mac, const std::string& host);

 private:
  enum class Change : unsigned char { kSet, kDelete };
  struct Closer {
    void operator()(nl_sock* socket) const;
  };
  explicit Netlink(std::unique_ptr<nl_sock, Closer> socket);
  Result<void> ChangeNeighbour(int link, int family, const std::string& destination, const std::string& mac, Change change);
  std::unique_ptr<nl_sock, Closer> socket_;
};

// This host's address on the link of the default route (IPv4); NotFound when there is no such route.
Result<std::string> DefaultHostAddress();

}  // namespace sampan::os
