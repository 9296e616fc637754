// Cluster roles that are made of others, chosen by labels (aggregationRule).
#pragma once

#include <unordered_map>
#include <vector>

#include "api/types/rbac.h"
#include "apiserver/auth/rules.h"

namespace sampan::apiserver::auth {

// A snapshot of all cluster roles, which outlive it.
class Aggregation {
 public:
  explicit Aggregation(std::vector<const api::rbac::ClusterRole*> roles);

  // The rules of one of them that has an aggregationRule: those of the roles that its selectors choose, in the order of
  // their names, without repetition. A chosen role that is itself made of others stands for these, whatever its rules are
  // now: so roles that choose each other in a circle settle as well.
  PolicyRules RulesOf(const api::rbac::ClusterRole& role) const;

 private:
  using Roles = std::vector<const api::rbac::ClusterRole*>;
  Roles ChosenBy(const api::rbac::ClusterRole& role) const;

  Roles roles_;                                                      // by name
  std::unordered_map<const api::rbac::ClusterRole*, Roles> chosen_;  // of each with an aggregationRule
};

}  // namespace sampan::apiserver::auth
