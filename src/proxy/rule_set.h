// The rules of all services, and the commands that lead from one state of them to the next. Pure: it knows only what it was
// told, and trusts that its commands were applied; after a failure Render() starts anew.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "proxy/rules.h"

namespace sampan::proxy {

// Commands in nft's language. `change` is one transaction. `sweep` removes chains and sets that nothing refers to any more;
// it comes in a transaction of its own, because kernels before 6.6 count references until the first one is committed.
struct Commands {
  std::string change;
  std::string sweep;
};

class RuleSet {
 public:
  explicit RuleSet(RulesConfig config) : config_(std::move(config)) {}
  const RulesConfig& config() const { return config_; }

  // Makes the given rules those of the services ("namespace/name"; empty rules: the service is gone) and returns what
  // changes. Both strings are empty when nothing does.
  Commands Update(std::map<std::string, ServiceRules> services);

  // The commands that make the whole table from nothing, in place of one that is there, as one transaction.
  std::string Render() const;
  // The commands that remove the table; no error when it is not there.
  static std::string Remove(IpFamily family);

  // Null when the service has no rules.
  const ServiceRules* Find(const std::string& service) const;
  size_t services() const { return services_.size(); }

 private:
  // Services may claim the same element: a backend's hairpin, an external IP that two services list. The claimant that
  // sorts first has it, and when that goes away, the next.
  using Claims = std::map<std::string, std::string>;              // service -> value
  using Touched = std::map<Element, std::optional<std::string>>;  // element -> value before; nothing: it was not there

  void Claim(const std::string& service, const ServiceRules& before, const ServiceRules& after, Touched& touched);
  void Touch(const Element& element, Touched& touched) const;

  RulesConfig config_;
  std::map<std::string, ServiceRules> services_;
  std::map<Element, Claims> claims_;
  std::set<Fanout> fanouts_;
};

}  // namespace sampan::proxy
