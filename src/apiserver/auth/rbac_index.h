// Role-based access control over roles and bindings, compiled so that a question costs a look at the rules of the user
// and its groups only. Changes to one role or binding touch that one alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/types/rbac.h"
#include "apiserver/auth/auth.h"

namespace sampan::apiserver::auth {

using PolicyRules = std::vector<api::rbac::PolicyRule>;

bool RuleAllows(const api::rbac::PolicyRule& rule, const Attributes& attributes);

// Roles and bindings are named by namespace (empty for cluster-wide ones) and name. Const calls from many threads, or one
// changing call at a time.
class RbacIndex {
 public:
  RbacIndex();
  ~RbacIndex();

  void SetRole(std::string_view namespace_, std::string_view name, PolicyRules rules);
  void EraseRole(std::string_view namespace_, std::string_view name);
  struct Binding {
    std::string namespace_;  // empty: a ClusterRoleBinding
    std::string name;
    std::vector<api::rbac::Subject> subjects;
    api::rbac::RoleRef role;
  };
  void SetBinding(Binding binding);
  void EraseBinding(std::string_view namespace_, std::string_view name);

  enum class Detail : bool { kNone, kReason };
  Decision Authorize(const Attributes& attributes, Detail detail) const;

  // Calls `visit` for each rule that holds for the user in the namespace (and, with an empty one, cluster-wide). The
  // names of bound roles that do not exist go to `missing` when it is not null.
  void VisitRules(const UserInfo& user, std::string_view namespace_,
                  const std::function<void(const api::rbac::PolicyRule&)>& visit, std::vector<std::string>* missing) const;
  // The rules of the role that a binding in `namespace_` would refer to; null when there is none.
  const PolicyRules* RulesOf(std::string_view namespace_, const api::rbac::RoleRef& role) const;

 private:
  struct Role;
  struct Grant;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  template <class V>
  using StringTable = std::unordered_map<std::string, V, Hash, std::equal_to<>>;
  using Grants = std::vector<const Grant*>;

  Role& RoleSlot(std::string_view namespace_, std::string_view name);
  template <class F>
  bool VisitGrants(const UserInfo& user, std::string_view namespace_, F visit) const;

  StringTable<std::unique_ptr<Role>> roles_;  // by "namespace/name"; slots of absent roles stay while bindings refer to them
  StringTable<std::unique_ptr<Grant>> grants_;
  StringTable<Grants> by_user_, by_group_;
};

}  // namespace sampan::apiserver::auth
