#include "proxy/rules.h"

namespace sampan::proxy {

namespace {

std::string FanoutName(const Fanout& fanout) {
  std::string_view prefix = fanout.balancer == Balancer::kInternal   ? "lb"
                            : fanout.balancer == Balancer::kExternal ? "xlb"
                                                                     : "np";
  return fmt::format("{}/{}/{}", prefix, fanout.protocol, fanout.slots);
}

std::string_view Word(IpFamily family) {
  return family == IpFamily::kIpv4 ? "ip" : "ip6";
}

std::string SlotsOf(Balancer balancer) {
  if (balancer == Balancer::kNodePort) return "nodeport-endpoints-";
  return balancer == Balancer::kExternal ? "external-endpoints-" : "endpoints-";
}

std::string Destination(const Backend& backend) {
  if (FamilyOf(backend.address) == IpFamily::kIpv6) return fmt::format("[{}]:{}", backend.address, backend.port);
  return fmt::format("{}:{}", backend.address, backend.port);
}

// Adds what one port of a service needs to the service's rules.
class PortPlanner {
 public:
  PortPlanner(const ServicePort& port, const RulesConfig& config, ServiceRules& rules)
      : port_(port), config_(config), rules_(rules) {}

  void Plan() {
    PlanClusterIp();
    for (const std::string& address : port_.external_ips) PlanExternal(address, ExternalChain());
    std::string firewall = port_.source_ranges.empty() ? "" : "fw/" + port_.name;
    for (const std::string& address : port_.load_balancer_ips) PlanExternal(address, firewall);
    if (port_.node_port != 0) PlanNodePort();
    PlanHairpins();
  }

 private:
  bool Simple() const { return port_.affinity_seconds == 0 && port_.backends.size() <= kMaxSlots; }
  std::string KeyOf(std::string_view address) const {
    return fmt::format("{} . {} . {}", address, port_.protocol, port_.port);
  }
  std::string NodePortKey() const { return fmt::format("{} . {}", port_.protocol, port_.node_port); }

  // External addresses have maps of their own, so that no element of theirs is another service's cluster IP.
  static std::string_view FrontsOf(Balancer balancer) {
    if (balancer == Balancer::kNodePort) return "nodeports";
    return balancer == Balancer::kExternal ? "external-ips" : "service-ips";
  }

  void Add(std::string_view set, std::string key, std::string value = {}) {
    rules_.elements[{std::string(set), std::move(key)}] = std::move(value);
  }

  // Elements that lead `key` to the shared chain, and the slots of `front` to the backends.
  void Balance(Balancer balancer, std::string key, const std::string& front) {
    Fanout fanout{balancer, port_.protocol, port_.backends.size()};
    Add(FrontsOf(balancer), std::move(key), "goto " + FanoutName(fanout));
    std::string slots = SlotsOf(balancer) + port_.protocol;
    for (size_t i = 0; i < port_.backends.size(); ++i) {
      Add(slots, fmt::format("{} . {}", front, i),
          fmt::format("{} . {}", port_.backends[i].address, port_.backends[i].port));
    }
    rules_.fanouts.insert(std::move(fanout));
  }
  std::string FrontOf(std::string_view address) const { return fmt::format("{} . {}", address, port_.port); }

  void PlanClusterIp() {
    Add("cluster-ips", port_.cluster_ip);
    std::string key = KeyOf(port_.cluster_ip);
    bool local = port_.internal_policy == TrafficPolicy::kLocal;
    if (port_.backends.empty()) return Add("no-endpoints", key, "goto reject-packet");
    if (local && port_.local_backends.empty()) return Add("no-endpoints", key, "goto drop-packet");
    if (local) return Add("service-ips", key, "goto " + ChoiceChain("local/", port_.local_backends));
    if (!Simple()) return Add("service-ips", key, "goto " + ChoiceChain("svc/", port_.backends));
    Balance(Balancer::kInternal, key, FrontOf(port_.cluster_ip));
  }

  // `chain` is where the address leads when elements alone cannot tell; empty when they can.
  void PlanExternal(const std::string& address, const std::string& chain) {
    std::string key = KeyOf(address);
    if (port_.backends.empty()) return Add("no-external-endpoints", key, "goto reject-packet");
    if (!port_.source_ranges.empty() && chain.starts_with("fw/")) MakeFirewall(chain);
    std::string target = chain.empty() ? ExternalChain() : chain;
    if (!target.empty()) return Add("external-ips", key, "goto " + target);
    Balance(Balancer::kExternal, key, FrontOf(address));
  }

  void PlanNodePort() {
    std::string key = NodePortKey();
    if (port_.backends.empty()) return Add("no-endpoint-nodeports", key, "goto reject-packet");
    std::string chain = ExternalChain();
    if (!chain.empty()) return Add("nodeports", key, "goto " + chain);
    Balance(Balancer::kNodePort, key, std::to_string(port_.node_port));
  }

  // The chain for traffic from outside; empty when the shared chains do.
  std::string ExternalChain() {
    bool local = port_.external_policy == TrafficPolicy::kLocal;
    if (port_.backends.empty() || (!local && Simple())) return "";
    std::string name = "ext/" + port_.name;
    if (rules_.chains.contains(name)) return name;
    std::string everywhere = ChoiceChain("svc/", port_.backends);
    std::vector<std::string> rules;
    if (local) {
      // Whoever is inside need not know where the pods run: they get any of them.
      if (!config_.cluster_cidr.empty()) {
        rules.push_back(fmt::format("{} saddr {} goto {}", Word(config_.family), config_.cluster_cidr, everywhere));
      }
      rules.push_back(fmt::format("fib saddr type local jump mark-for-masquerade"));
      rules.push_back(fmt::format("fib saddr type local goto {}", everywhere));
      rules.push_back(port_.local_backends.empty() ? "drop" : "goto " + ChoiceChain("local/", port_.local_backends));
    } else {
      rules.push_back("jump mark-for-masquerade");
      rules.push_back("goto " + everywhere);
    }
    rules_.chains[name] = std::move(rules);
    return name;
  }

  void MakeFirewall(const std::string& name) {
    if (rules_.chains.contains(name)) return;
    std::string ranges = fmt::format("{}", fmt::join(port_.source_ranges, ", "));
    std::string chain = ExternalChain();
    if (chain.empty()) {
      chain = "ext/" + port_.name;
      rules_.chains[chain] = {"jump mark-for-masquerade", "goto " + ChoiceChain("svc/", port_.backends)};
    }
    rules_.chains[name] = {fmt::format("{} saddr != {{ {} }} drop", Word(config_.family), ranges), "goto " + chain};
  }

  // A chain of this port alone that sends each connection to one of the backends.
  std::string ChoiceChain(std::string_view prefix, const std::vector<Backend>& backends) {
    std::string name = fmt::format("{}{}", prefix, port_.name);
    if (rules_.chains.contains(name)) return name;
    std::vector<std::string> rules;
    std::vector<std::string> verdicts;
    for (size_t i = 0; i < backends.size(); ++i) {
      std::string chain = BackendChain(backends[i]);
      if (port_.affinity_seconds > 0) {
        rules.push_back(fmt::format("{} saddr @{} goto {}", Word(config_.family), AffinitySet(backends[i]), chain));
      }
      verdicts.push_back(fmt::format("{} : goto {}", i, chain));
    }
    if (backends.size() == 1) {
      rules.push_back("goto " + BackendChain(backends[0]));
    } else {
      rules.push_back(fmt::format("numgen random mod {} vmap {{ {} }}", backends.size(), fmt::join(verdicts, ", ")));
    }
    rules_.chains[name] = std::move(rules);
    return name;
  }

  std::string Suffix(const Backend& backend) const {
    std::string address = backend.address;
    for (char& c : address) c = c == ':' ? '.' : c;  // a colon cannot stand in a name
    return fmt::format("{}/{}/{}", port_.name, address, backend.port);
  }
  std::string AffinitySet(const Backend& backend) const {
    // With the timeout: another timeout is another set, because a set cannot be changed while rules use it.
    return fmt::format("aff/{}/{}", port_.affinity_seconds, Suffix(backend));
  }

  std::string BackendChain(const Backend& backend) {
    std::string name = "ep/" + Suffix(backend);
    std::vector<std::string>& rules = rules_.chains[name];
    if (!rules.empty()) return name;
    if (port_.affinity_seconds > 0) {
      std::string set = AffinitySet(backend);
      rules_.sets[set] = fmt::format("type {} ; flags dynamic,timeout ; timeout {}s ; size 65535 ;",
                                     config_.family == IpFamily::kIpv4 ? "ipv4_addr" : "ipv6_addr", port_.affinity_seconds);
      rules.push_back(fmt::format("update @{} {{ {} saddr }}", set, Word(config_.family)));
    }
    rules.push_back(fmt::format("meta l4proto {} dnat to {}", port_.protocol, Destination(backend)));
    return name;
  }

  // A pod that reaches itself through a service must see another source than its own address, or it answers itself.
  void PlanHairpins() {
    for (const Backend& backend : port_.local_backends) Add("hairpin", fmt::format("{0} . {0}", backend.address));
  }

  // The slot number is a 32 bit key; this bound only keeps shared chains few.
  static constexpr size_t kMaxSlots = 4096;

  const ServicePort& port_;
  const RulesConfig& config_;
  ServiceRules& rules_;
};

}  // namespace

ServiceRules PlanService(std::span<const ServicePort> ports, const RulesConfig& config) {
  ServiceRules rules;
  for (const ServicePort& port : ports) {
    if (config.local_cluster_ips.contains(port.cluster_ip)) continue;
    PortPlanner(port, config, rules).Plan();
  }
  return rules;
}

std::string FanoutRules(const Fanout& fanout, IpFamily family) {
  std::string table = TableOf(family);
  std::string name = FanoutName(fanout);
  bool by_port = fanout.balancer == Balancer::kNodePort;
  std::string rules = fmt::format("add chain {} {}\n", table, name);
  if (fanout.balancer != Balancer::kInternal) {
    rules += fmt::format("add rule {} {} jump mark-for-masquerade\n", table, name);
  }
  std::string front = fmt::format("{} dport", fanout.protocol);
  if (!by_port) front = fmt::format("{} daddr . {}", Word(family), front);
  rules += fmt::format("add rule {} {} dnat {} addr . port to {} . numgen random mod {} map @{}{}\n", table, name,
                       Word(family), front, fanout.slots, SlotsOf(fanout.balancer), fanout.protocol);
  return rules;
}

}  // namespace sampan::proxy
