// What an administrator says about names outside the cluster, in the places where users of CoreDNS and kube-dns say it:
// ConfigMaps of kube-system.
//
//   coredns          Corefile: forward (and its elder proxy), hosts and "rewrite name" of each server block; NodeHosts and
//                    other keys that a hosts directive names as its file
//   coredns-custom   *.server: further server blocks; *.override: further directives of the block "."
//   kube-dns         stubDomains, upstreamNameservers
//
// Where two speak of one zone, the first in this order counts. Directives about CoreDNS itself (cache, errors, health, log,
// reload ...) mean nothing here.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dns/address.h"

namespace sampan::dns {

// Zones (lower case, without the last dot; "" is the root) and the resolvers that are asked for the names in them.
using ForwardZones = std::map<std::string, std::vector<std::string>>;

// Names that are answered here besides the cluster's.
struct LocalNames {
  std::map<std::string, std::vector<IpAddress>, std::less<>> hosts;
  std::map<std::string, std::string, std::less<>> aliases;
  bool empty() const { return hosts.empty() && aliases.empty(); }
  bool operator==(const LocalNames&) const = default;
};

struct NamesConfig {
  ForwardZones forwards;
  LocalNames local;
  std::vector<std::string> remarks;  // what was not understood, for the log
  bool operator==(const NamesConfig&) const = default;
};

using ConfigData = std::map<std::string, std::string>;  // a ConfigMap's; empty when there is none

// BadRequest when something is malformed; then the configuration before it stays in force.
Result<NamesConfig> ParseConfig(const ConfigData& coredns, const ConfigData& custom, const ConfigData& kube_dns);

// The Corefile that says what is done without one; published, so that there is something to edit.
std::string DefaultCorefile(std::string_view cluster_domain);

}  // namespace sampan::dns
