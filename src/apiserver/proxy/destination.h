// Where proxied requests and streams go. What nodes, pods and endpoints say of their addresses is read once into a binary
// address and a port, judged, and connected to as it was judged: never by name, so that no spelling and no later answer of a
// name server leads elsewhere. Pure but for OwnAddresses.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta/ip_address.h"
#include "api/object.h"
#include "base/error.h"
#include "store/sorted_objects.h"

namespace sampan::apiserver {

// "[scheme:]name[:port]" of a proxied pod, service or node.
struct ProxyName {
  enum class Scheme : bool { kHttp, kHttps };
  Scheme scheme = Scheme::kHttp;
  std::string name;
  std::string port;  // a number, or the name of a Service's port; empty: the default one

  // BadRequest `invalid pod request "..."` for other schemes, no name, or too many parts; `what` is "pod" there.
  static Result<ProxyName> Parse(std::string_view what, std::string_view text);
};

struct Destination {
  api::IpAddress address;
  uint16_t port = 0;
  std::string host() const { return address.ToString(); }
  bool operator==(const Destination&) const = default;
};

// How this server itself is reached: what it must not be made to connect to for others.
struct ServerPlace {
  std::vector<api::IpAddress> own;  // of this machine's interfaces
  std::string advertise_address;
  uint16_t secure_port = 0;

  bool IsOwn(const api::IpAddress& address) const;
};
std::vector<api::IpAddress> OwnAddresses();

// ServiceUnavailable for a pod without an address. BadRequest for one that means another host to everyone, for this
// machine's own unless the pod shares its network, and for an impossible port.
Result<Destination> PodDestination(const api::Object& pod, const ProxyName& wanted, const ServerPlace& server);

// The first ready endpoint that may be connected to. `pod` finds a pod of the service's namespace: an endpoint of this
// machine is that of a pod which shares its network. ServiceUnavailable without a port or an endpoint, BadRequest when there
// are only such that may not be connected to.
struct ServiceEndpoints {
  const api::Object& service;
  store::ObjectView slices;  // of its namespace
  std::function<api::ObjectPtr(std::string_view name)> pod;
};
Result<Destination> ServiceDestination(const ServiceEndpoints& endpoints, const ProxyName& wanted,
                                       const ServerPlace& server);

// The node's kubelet, whose certificate must then carry the node's name. ServiceUnavailable when the node has told no
// address, BadRequest when it tells one where no kubelet can be: this server's own, or a loopback address, unless the server
// itself is reached by loopback only.
Result<Destination> KubeletOf(const api::Object& node, const ServerPlace& server);
// Any port of the node, under the rules of pods' addresses.
Result<Destination> NodeDestination(const api::Object& node, const ProxyName& wanted);

}  // namespace sampan::apiserver
