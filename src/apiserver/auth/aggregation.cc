#include "apiserver/auth/aggregation.h"

#include <algorithm>

#include "api/meta/label_selector.h"
#include "api/types/convert.h"
#include "api/types/meta.h"

namespace sampan::apiserver::auth {

using api::rbac::ClusterRole;

Aggregation::Aggregation(std::vector<const ClusterRole*> roles) : roles_(std::move(roles)) {
  std::ranges::sort(roles_, {}, [](const ClusterRole* role) -> const std::string& { return role->metadata.name; });
  for (const ClusterRole* role : roles_) {
    if (role->aggregation_rule) chosen_.emplace(role, ChosenBy(*role));
  }
}

Aggregation::Roles Aggregation::ChosenBy(const ClusterRole& role) const {
  std::vector<api::LabelSelector> selectors;
  for (const api::meta::LabelSelector& wanted : role.aggregation_rule->cluster_role_selectors) {
    Result<api::LabelSelector> selector = api::LabelSelector::From(wanted);
    if (selector) selectors.push_back(*std::move(selector));
  }
  Roles chosen;
  for (const ClusterRole* other : roles_) {
    auto matches = [other](const api::LabelSelector& selector) { return selector.Matches(other->metadata.labels); };
    if (std::ranges::any_of(selectors, matches)) chosen.push_back(other);
  }
  return chosen;
}

PolicyRules Aggregation::RulesOf(const ClusterRole& role) const {
  PolicyRules rules;
  std::unordered_set<std::string> seen;
  std::unordered_set<const ClusterRole*> visited;
  Roles open{&role};  // the next one is the last
  while (!open.empty()) {
    const ClusterRole* next = open.back();
    open.pop_back();
    if (!visited.insert(next).second) continue;
    auto made_of = chosen_.find(next);
    if (made_of != chosen_.end()) {
      open.insert(open.end(), made_of->second.rbegin(), made_of->second.rend());
      continue;
    }
    for (const api::rbac::PolicyRule& rule : next->rules) {
      if (seen.insert(api::ToJsonText(rule)).second) rules.push_back(rule);
    }
  }
  return rules;
}

}  // namespace sampan::apiserver::auth
