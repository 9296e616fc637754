// The rules behind RBAC's answers: for SelfSubjectRulesReview, and for the refusal to grant what one does not hold.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/rbac_index.h"
#include "codec/json.h"

namespace sampan::apiserver::auth {

struct UserRules {
  PolicyRules rules;
  std::vector<std::string> missing_roles;  // bound, but absent
};

// Thread-safe.
class RuleSource {
 public:
  virtual ~RuleSource() = default;
  // What holds for the user in the namespace, cluster-wide rules included; with an empty one, those alone.
  virtual UserRules RulesFor(const UserInfo& user, std::string_view namespace_) const = 0;
  // Of the role that a binding in `namespace_` refers to; nothing when it is absent.
  virtual std::optional<PolicyRules> RulesOf(std::string_view namespace_, const api::rbac::RoleRef& role) const = 0;
};

// Whether the user may write this Role, ClusterRole, RoleBinding or ClusterRoleBinding: only who holds every permission it
// grants, or may `escalate` or `bind` its role. Forbidden with the permissions that are missing; NotFound for a binding to
// an absent role. `old` is null for a creation; a write that changes no grant is always allowed.
Result<void> CheckGrant(const Authorizer& authorizer, const UserInfo& user, const json::Value& object,
                        const json::Value* old);

}  // namespace sampan::apiserver::auth
