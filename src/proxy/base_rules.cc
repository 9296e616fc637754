// The part of the table that does not depend on services.
#include "proxy/rules.h"

namespace sampan::proxy {

namespace {

// The bit of the packet mark by which rules ask for masquerading; the one that kube-proxy uses, so that others know it.
constexpr std::string_view kMark = "0x4000";

// Names in the templates: T table, IP family word, ADDR address type.
constexpr std::string_view kMaps = R"(
add map T service-ips { type ADDR . inet_proto . inet_service : verdict ; }
add map T external-ips { type ADDR . inet_proto . inet_service : verdict ; }
add map T nodeports { type inet_proto . inet_service : verdict ; }
add map T no-endpoints { type ADDR . inet_proto . inet_service : verdict ; }
add map T no-external-endpoints { type ADDR . inet_proto . inet_service : verdict ; }
add map T no-endpoint-nodeports { type inet_proto . inet_service : verdict ; }
add set T cluster-ips { type ADDR ; }
add set T hairpin { type ADDR . ADDR ; }
)";

// One map for each protocol, because nftables 1.0 cannot read back a map whose key and value hold ports of any protocol
// (`th dport`: "conflicting protocols"). PROTO is the protocol.
constexpr std::string_view kProtocolMaps = R"(
add map T endpoints-PROTO { typeof IP daddr . PROTO dport . numgen random mod 65536 : IP daddr . PROTO dport ; }
add map T external-endpoints-PROTO { typeof IP daddr . PROTO dport . numgen random mod 65536 : IP daddr . PROTO dport ; }
add map T nodeport-endpoints-PROTO { typeof PROTO dport . numgen random mod 65536 : IP daddr . PROTO dport ; }
)";

// Reject and drop come before address translation, because afterwards nothing shows that a packet was for a service. What
// is still for a cluster IP after it (another port, ping) is rejected instead of leaving by the default route.
constexpr std::string_view kChains = R"(
add chain T mark-for-masquerade
add rule T mark-for-masquerade meta mark set meta mark | MARK
add chain T reject-packet
add rule T reject-packet meta l4proto tcp reject with tcp reset
add rule T reject-packet reject
add chain T drop-packet
add rule T drop-packet drop
add chain T services
add rule T services IP daddr . meta l4proto . th dport vmap @service-ips
add rule T services jump external-services
add rule T services fib daddr type local meta l4proto . th dport vmap @nodeports
add chain T no-endpoint-services
add rule T no-endpoint-services IP daddr . meta l4proto . th dport vmap @no-endpoints
add rule T no-endpoint-services jump no-endpoint-external-services
add rule T no-endpoint-services fib daddr type local meta l4proto . th dport vmap @no-endpoint-nodeports
add chain T filter-prerouting { type filter hook prerouting priority -110 ; }
add rule T filter-prerouting ct state new jump no-endpoint-services
add chain T filter-output { type filter hook output priority -110 ; }
add rule T filter-output ct state new jump no-endpoint-services
add chain T filter-forward { type filter hook forward priority 0 ; }
add rule T filter-forward ct state new IP daddr @cluster-ips goto reject-packet
add chain T filter-output-translated { type filter hook output priority 0 ; }
add rule T filter-output-translated ct state new IP daddr @cluster-ips goto reject-packet
add chain T nat-prerouting { type nat hook prerouting priority -100 ; }
add rule T nat-prerouting jump services
add chain T nat-output { type nat hook output priority -100 ; }
add rule T nat-output jump services
add chain T nat-postrouting { type nat hook postrouting priority 100 ; }
add rule T nat-postrouting oif lo return
add rule T nat-postrouting meta mark & MARK == MARK meta mark set meta mark ^ MARK masquerade fully-random
add rule T nat-postrouting ct status dnat IP saddr . IP daddr @hairpin masquerade fully-random
)";

// What is looked up for external addresses, behind the guards.
constexpr std::string_view kExternal = R"(
add rule T external-services IP daddr . meta l4proto . th dport vmap @external-ips
add rule T no-endpoint-external-services IP daddr . meta l4proto . th dport vmap @no-external-endpoints
)";

// Loopback addresses are routable here so that node ports answer on 127.0.0.1; nobody else may send to them.
constexpr std::string_view kLoopbackGuard = R"(
add rule T filter-prerouting iif != lo ip daddr 127.0.0.0/8 drop
)";

std::string ForProtocol(std::string_view text, std::string_view protocol) {
  constexpr std::string_view kPlaceholder = "PROTO";
  std::string filled(text);
  for (size_t at = filled.find(kPlaceholder); at != filled.npos; at = filled.find(kPlaceholder, at)) {
    filled.replace(at, kPlaceholder.size(), protocol);
  }
  return filled;
}

std::string Fill(std::string_view text, const RulesConfig& config) {
  bool v4 = config.family == IpFamily::kIpv4;
  const std::pair<std::string_view, std::string> words[] = {
      {"T", TableOf(config.family)}, {"IP", v4 ? "ip" : "ip6"},        {"ADDR", v4 ? "ipv4_addr" : "ipv6_addr"},
      {"MARK", std::string(kMark)},  {"CLUSTER", config.cluster_cidr}, {"PODS", config.pod_cidr}};
  std::string filled;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = std::min(text.find_first_of(" \n", at), text.size());
    std::string_view word = text.substr(at, end - at);
    for (const auto& [name, value] : words) {
      if (word == name) {
        word = value;
        break;
      }
    }
    filled += word;
    if (end < text.size()) filled += text[end];
    at = end + 1;
  }
  return filled;
}

// Whoever may make a service names external addresses as he likes: what the cluster needs is not his to take.
std::string Guards(const RulesConfig& config) {
  std::string text;
  for (std::string_view chain : {"external-services", "no-endpoint-external-services"}) {
    auto keep = [&](std::string_view what) { text += fmt::format("add rule T {} {} return\n", chain, what); };
    text += fmt::format("add chain T {}\n", chain);
    keep("IP daddr @cluster-ips");
    for (const std::string& network : {config.service_cidr, config.cluster_cidr}) {
      if (!network.empty()) keep("IP daddr " + network);
    }
    for (const KeptPort& kept : config.kept) {
      std::string address = kept.address.empty() ? "fib daddr type local" : "IP daddr " + kept.address;
      keep(fmt::format("{} tcp dport {}", address, kept.port));
    }
  }
  return text;
}

}  // namespace

std::string TableOf(IpFamily family) {
  return family == IpFamily::kIpv4 ? "ip sampan-proxy" : "ip6 sampan-proxy";
}

std::string BaseRules(const RulesConfig& config) {
  std::string text = "add table T";
  text += kMaps;
  for (std::string_view protocol : {"tcp", "udp", "sctp"}) text += ForProtocol(kProtocolMaps, protocol);
  text += Guards(config);
  text += kExternal;
  text += kChains;
  if (config.family == IpFamily::kIpv4) text += kLoopbackGuard;
  if (!config.cluster_cidr.empty()) {
    // From outside to a cluster IP: the answer must come back through here.
    text += "add rule T nat-postrouting ct status dnat ct original IP daddr @cluster-ips IP saddr != CLUSTER masquerade\n";
    if (config.masquerade_pods == MasqueradePods::kYes) {
      text += "add rule T nat-postrouting IP saddr CLUSTER IP daddr != CLUSTER fib daddr type unicast masquerade\n";
    }
  }
  if (config.local_replies == LocalReplies::kUnseen && !config.pod_cidr.empty()) {
    text += "add rule T nat-postrouting ct status dnat IP saddr PODS IP daddr PODS masquerade\n";
  }
  return Fill(text, config);
}

}  // namespace sampan::proxy
