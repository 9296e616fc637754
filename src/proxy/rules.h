// The packet filter as data: what one service needs in the table, and the part of the table that is always there. Pure.
//
// A plain service is map elements only, no chain of its own. `service-ips` leads from address, protocol and port to the
// shared chain `lb/tcp/N`, which picks one of N slots at random and finds the backend in `endpoints-tcp`. So a change of one
// service costs its own elements, however many services there are. Services with session affinity, a Local policy or source
// ranges get chains. README.md draws the table.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "proxy/service_port.h"

namespace sampan::proxy {

enum class MasqueradePods : unsigned char { kNo, kYes };
enum class LocalReplies : unsigned char {
  kSeen,   // replies between pods of one bridge pass the packet filter (bridge-nf-call-iptables)
  kUnseen  // they do not: such connections are masqueraded, so that replies come back through this host
};

// A TCP port that the cluster itself needs.
struct KeptPort {
  std::string address;  // empty: every address of this host
  uint16_t port = 0;
  auto operator<=>(const KeptPort&) const = default;
};

struct RulesConfig {
  IpFamily family = IpFamily::kIpv4;
  std::string cluster_cidr;  // of all pods; empty when unknown: then nothing is known to come from outside
  std::string pod_cidr;      // of this node's pods; empty when unknown
  MasqueradePods masquerade_pods = MasqueradePods::kNo;  // pods' traffic that leaves the cluster gets the node's address
  LocalReplies local_replies = LocalReplies::kSeen;
  std::set<std::string> local_cluster_ips;  // cluster IPs that a process on this host serves itself; left alone
  // What services may not take by their external addresses, which users choose freely: every cluster IP, and these.
  std::string service_cidr;  // of all cluster IPs; empty when unknown
  std::set<KeptPort> kept;
  bool operator==(const RulesConfig&) const = default;
};

// The shared chains of N slots. They differ in where the backend is looked up and in whether the source is replaced.
enum class Balancer : unsigned char {
  kInternal,  // lb/tcp/N: by address, source kept
  kExternal,  // xlb/tcp/N: by address, source replaced
  kNodePort,  // np/tcp/N: by port alone, source replaced
};
struct Fanout {
  Balancer balancer = Balancer::kInternal;
  std::string protocol;
  size_t slots = 0;
  auto operator<=>(const Fanout&) const = default;
};

struct Element {
  std::string set;  // the set or map
  std::string key;
  auto operator<=>(const Element&) const = default;
};

struct ServiceRules {
  std::map<Element, std::string> elements;                 // value: empty for sets
  std::map<std::string, std::vector<std::string>> chains;  // name -> rules
  std::map<std::string, std::string> sets;                 // name -> declaration, without braces
  std::set<Fanout> fanouts;                                // shared chains that must be there
  bool empty() const { return elements.empty() && chains.empty(); }
  bool operator==(const ServiceRules&) const = default;
};

ServiceRules PlanService(std::span<const ServicePort> ports, const RulesConfig& config);

std::string TableOf(IpFamily family);              // "ip sampan-proxy"
std::string BaseRules(const RulesConfig& config);  // commands that make the table, its maps and its base chains
std::string FanoutRules(const Fanout& fanout, IpFamily family);  // commands that make one shared chain

}  // namespace sampan::proxy
