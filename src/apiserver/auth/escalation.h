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

}  // namespace sampan::apiserver::auth
