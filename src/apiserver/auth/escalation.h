// Nobody may grant what he does not hold: whether rules are covered by other rules. Pure.
#pragma once

#include <string>
#include <vector>

#include "apiserver/auth/rbac_index.h"

namespace sampan::apiserver::auth {

// Those of `wanted`, taken apart into single permissions and put together again by resource, that `held` does not cover: as
// many as an answer can show, none only when all are covered. A rule whose lists multiply to more than can be checked
// against `held` in a few milliseconds counts as uncovered as a whole.
PolicyRules Uncovered(const PolicyRules& wanted, const PolicyRules& held);

// {APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}
std::string CompactRule(const api::rbac::PolicyRule& rule);

// The rules of a role with an aggregationRule: those of all other cluster roles that its selectors choose, in the order of
// their names, without repetition.
struct NamedRole {
  std::string name;
  api::StringMap labels;
  PolicyRules rules;
};
PolicyRules AggregateRules(const api::rbac::ClusterRole& role, const std::vector<NamedRole>& roles);

}  // namespace sampan::apiserver::auth
