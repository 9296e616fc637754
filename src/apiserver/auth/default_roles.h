// The roles and bindings that every cluster has, and what an existing one lacks of them. Pure data and pure functions.
#pragma once

#include <optional>
#include <vector>

#include "apiserver/auth/rbac_index.h"

namespace sampan::apiserver::auth {

// A subject of a default ClusterRoleBinding of an earlier version that must not keep its rights.
struct WithdrawnSubject {
  std::string binding;
  api::rbac::Subject subject;
};

struct DefaultPolicy {
  std::vector<api::rbac::ClusterRole> cluster_roles;
  std::vector<api::rbac::ClusterRoleBinding> cluster_role_bindings;
  std::vector<api::rbac::Role> roles;
  std::vector<api::rbac::RoleBinding> role_bindings;
  std::vector<WithdrawnSubject> withdrawn;
};
DefaultPolicy MakeDefaultPolicy();

// The object with what it lacks of the default: rules, subjects, labels; what it has besides stays. Nothing when it lacks
// nothing or its annotation rbac.authorization.kubernetes.io/autoupdate is "false".
std::optional<api::rbac::ClusterRole> Reconcile(const api::rbac::ClusterRole& have, const api::rbac::ClusterRole& wanted);
std::optional<api::rbac::Role> Reconcile(const api::rbac::Role& have, const api::rbac::Role& wanted);
std::optional<api::rbac::ClusterRoleBinding> Reconcile(const api::rbac::ClusterRoleBinding& have,
                                                       const api::rbac::ClusterRoleBinding& wanted);
std::optional<api::rbac::RoleBinding> Reconcile(const api::rbac::RoleBinding& have, const api::rbac::RoleBinding& wanted);
// The binding without its withdrawn subjects; nothing when it has none, or is not the policy's to change.
std::optional<api::rbac::ClusterRoleBinding> WithoutWithdrawn(const api::rbac::ClusterRoleBinding& have,
                                                              const DefaultPolicy& policy);

// Parts of MakeDefaultPolicy: the roles of the system's own components and controllers, one file each.
void AddUserRoles(DefaultPolicy& policy);
void AddComponentRoles(DefaultPolicy& policy);
void AddControllerRoles(DefaultPolicy& policy);

// For those parts.
api::rbac::ClusterRole& AddClusterRole(DefaultPolicy& policy, std::string_view name, PolicyRules rules);
enum class SubjectKind : unsigned char { kUser, kGroup, kSystemAccount };  // an account of kube-system
struct SubjectText {
  SubjectKind kind;
  std::string_view name;
};
void Bind(DefaultPolicy& policy, std::string_view role, std::vector<SubjectText> subjects);
void Withdraw(DefaultPolicy& policy, std::string_view role, const SubjectText& subject);

}  // namespace sampan::apiserver::auth
