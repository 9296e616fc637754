#include "api/meta/ip_address.h"
#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

void SliceAddress(const View& address, std::string_view type, Causes& causes) {
  std::string_view text = address.Str();
  if (type == "IPv4" && !names::IsIpv4(text)) {
    causes.Invalid(address.path(), text, "must be a valid IPv4 address");
  } else if (type == "IPv6" && !names::IsIpv6(text)) {
    causes.Invalid(address.path(), text, "must be a valid IPv6 address");
  } else if (type == "FQDN") {
    CheckName(address, names::Dns1123Subdomain, causes);
  } else {
    ReachableIp(address, causes);
  }
}

}  // namespace

void ReachableIp(const View& ip, Causes& causes) {
  std::string_view text = ip.Str();
  if (auto fault = names::IpAddress(text)) return causes.Invalid(ip.path(), text, *fault);
  const std::optional<api::IpAddress> address = api::IpAddress::Parse(text);
  if (address->unspecified()) {
    causes.Invalid(ip.path(), text, "may not be unspecified (0.0.0.0 or ::)");
  } else if (address->loopback()) {
    causes.Invalid(ip.path(), text, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  } else if (address->link_local()) {
    causes.Invalid(ip.path(), text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  } else if (address->link_local_multicast()) {
    causes.Invalid(ip.path(), text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  }
}

void Endpoints(const View& object, Causes& causes) {
  View subsets = object["subsets"];
  subsets.ForEach([&](const View& subset) {
    View ready = subset["addresses"];
    View not_ready = subset["notReadyAddresses"];
    if (ready.Empty() && not_ready.Empty()) {
      causes.Required(subset.path(), "must specify `addresses` or `notReadyAddresses`");
    }
    for (const View* addresses : {&ready, &not_ready}) {
      addresses->ForEach([&](const View& address) {
        ReachableIp(address["ip"], causes);
        CheckName(address["hostname"], names::Dns1123Label, causes);
        CheckName(address["nodeName"], names::Dns1123Subdomain, causes);
      });
    }
    View ports = subset["ports"];
    ports.ForEach([&](const View& port) {
      View name = port["name"];
      if (ports.Size() > 1 && name.Empty()) causes.Required(name.path());
      CheckName(name, names::Dns1123Label, causes);
      PortNumber(port["port"], causes);
      RequireOneOf(port["protocol"], {"SCTP", "TCP", "UDP"}, causes);
    });
  });
}

void EndpointSlice(const View& object, Causes& causes) {
  constexpr size_t kMaxEndpoints = 1000;
  constexpr size_t kMaxAddresses = 100;
  constexpr size_t kMaxPorts = 20000;
  View type = object["addressType"];
  RequireOneOf(type, {"FQDN", "IPv4", "IPv6"}, causes);
  View endpoints = object["endpoints"];
  if (endpoints.Size() > kMaxEndpoints) causes.TooMany(endpoints.path(), endpoints.Size(), kMaxEndpoints);
  endpoints.ForEach([&](const View& endpoint) {
    View addresses = endpoint["addresses"];
    if (addresses.Empty()) causes.Required(addresses.path(), "must contain at least 1 address");
    if (addresses.Size() > kMaxAddresses) causes.TooMany(addresses.path(), addresses.Size(), kMaxAddresses);
    addresses.ForEach([&](const View& address) { SliceAddress(address, type.Str(), causes); });
    CheckName(endpoint["nodeName"], names::Dns1123Subdomain, causes);
    CheckName(endpoint["hostname"], names::Dns1123Label, causes);
    CheckLabels(endpoint["deprecatedTopology"], causes);
  });
  View ports = object["ports"];
  if (ports.Size() > kMaxPorts) causes.TooMany(ports.path(), ports.Size(), kMaxPorts);
  std::set<std::string_view> names;
  ports.ForEach([&](const View& port) {
    View name = port["name"];
    CheckName(name, names::Dns1123Label, causes);
    if (!names.insert(name.Str()).second) causes.Duplicate(name.path(), name.Str());
    RequireOneOf(port["protocol"], {"SCTP", "TCP", "UDP"}, causes);
    InRange(port["port"], 1, 65535, causes);
    CheckName(port["appProtocol"], names::QualifiedName, causes);
  });
}

void EndpointSliceUpdate(const View& object, const View& old, Causes& causes) {
  Immutable(object["addressType"], old["addressType"], causes);
}

}  // namespace sampan::api::rules
