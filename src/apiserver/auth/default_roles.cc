#include "apiserver/auth/default_roles.h"

#include <algorithm>

#include "apiserver/auth/escalation.h"

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kAutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";
constexpr std::string_view kApiGroup = "rbac.authorization.k8s.io";

template <class T>
void Mark(T& object) {
  object.metadata.labels["kubernetes.io/bootstrapping"] = "rbac-defaults";
  object.metadata.annotations[kAutoUpdate] = "true";
}

// True when it changed.
bool AddLabels(api::meta::ObjectMeta& have, const api::meta::ObjectMeta& wanted) {
  bool changed = false;
  for (const auto& [key, value] : wanted.labels) {
    if (have.labels.contains(key)) continue;
    have.labels[key] = value;
    changed = true;
  }
  for (const auto& [key, value] : wanted.annotations) {
    if (have.annotations.contains(key)) continue;
    have.annotations[key] = value;
    changed = true;
  }
  return changed;
}

bool AddRules(PolicyRules& have, const PolicyRules& wanted) {
  PolicyRules missing = Uncovered(wanted, have);
  have.insert(have.end(), missing.begin(), missing.end());
  return !missing.empty();
}

bool AddSubjects(std::vector<api::rbac::Subject>& have, const std::vector<api::rbac::Subject>& wanted) {
  bool changed = false;
  for (const api::rbac::Subject& subject : wanted) {
    if (std::ranges::find(have, subject) != have.end()) continue;
    have.push_back(subject);
    changed = true;
  }
  return changed;
}

bool LeftAlone(const api::meta::ObjectMeta& have) {
  const std::string* update = have.annotations.Find(kAutoUpdate);
  return update != nullptr && *update == "false";
}

template <class T>
std::optional<T> ReconcileRole(const T& have, const T& wanted, PolicyRules rules) {
  if (LeftAlone(have.metadata)) return std::nullopt;
  T merged = have;
  const bool labels = AddLabels(merged.metadata, wanted.metadata);
  const bool changed = AddRules(merged.rules, rules) || labels;
  return changed ? std::optional<T>(std::move(merged)) : std::nullopt;
}

template <class T>
std::optional<T> ReconcileBinding(const T& have, const T& wanted) {
  // A binding to another role was made by someone who meant it.
  if (LeftAlone(have.metadata) || !(have.role_ref == wanted.role_ref)) return std::nullopt;
  T merged = have;
  const bool labels = AddLabels(merged.metadata, wanted.metadata);
  const bool changed = AddSubjects(merged.subjects, wanted.subjects) || labels;
  return changed ? std::optional<T>(std::move(merged)) : std::nullopt;
}

api::rbac::Subject SubjectOf(const SubjectText& text) {
  api::rbac::Subject subject;
  subject.name = text.name;
  if (text.kind == SubjectKind::kSystemAccount) {
    subject.kind = "ServiceAccount";
    subject.namespace_ = "kube-system";
  } else {
    subject.kind = text.kind == SubjectKind::kUser ? "User" : "Group";
    subject.api_group = kApiGroup;
  }
  return subject;
}

void AddSystemRole(DefaultPolicy& policy, std::string_view name, PolicyRules rules, std::vector<SubjectText> subjects) {
  api::rbac::Role& role = policy.roles.emplace_back();
  role.metadata.name = name;
  role.metadata.namespace_ = "kube-system";
  role.rules = std::move(rules);
  Mark(role);
  if (subjects.empty()) return;
  api::rbac::RoleBinding& binding = policy.role_bindings.emplace_back();
  binding.metadata.name = name;
  binding.metadata.namespace_ = "kube-system";
  binding.role_ref = {std::string(kApiGroup), "Role", std::string(name)};
  for (const SubjectText& subject : subjects) binding.subjects.push_back(SubjectOf(subject));
  Mark(binding);
}

void AddSystemRoles(DefaultPolicy& policy) {
  auto names = [](std::string_view resource, std::string_view name) {
    return api::rbac::PolicyRule{.verbs = {"get", "list", "watch"},
                                 .api_groups = {""},
                                 .resources = {std::string(resource)},
                                 .resource_names = {std::string(name)}};
  };
  AddSystemRole(policy, "extension-apiserver-authentication-reader",
                {names("configmaps", "extension-apiserver-authentication")}, {});
  for (std::string_view component : {"kube-controller-manager", "kube-scheduler"}) {
    api::rbac::PolicyRule lock{.verbs = {"get", "update"},
                               .api_groups = {"coordination.k8s.io"},
                               .resources = {"leases"},
                               .resource_names = {std::string(component)}};
    api::rbac::PolicyRule create{.verbs = {"create"}, .api_groups = {"coordination.k8s.io"}, .resources = {"leases"}};
    const std::string user = fmt::format("system:{}", component);
    AddSystemRole(policy, fmt::format("system::leader-locking-{}", component), {lock, create}, {{SubjectKind::kUser, user}});
  }
  // The control plane publishes the cluster's DNS where users look for it; the name server of each node reads its
  // configuration there.
  AddSystemRole(policy, "system:kube-dns",
                {{.verbs = {"create", "get", "update"}, .api_groups = {""}, .resources = {"services"}},
                 {.verbs = {"create", "get", "update"}, .api_groups = {"discovery.k8s.io"}, .resources = {"endpointslices"}},
                 {.verbs = {"create"}, .api_groups = {""}, .resources = {"configmaps"}}},
                {{SubjectKind::kUser, "system:kube-dns"}});
  AddSystemRole(policy, "system:kube-dns-config",
                {names("configmaps", "coredns"), names("configmaps", "coredns-custom"), names("configmaps", "kube-dns")},
                {{SubjectKind::kUser, "system:kube-dns"}, {SubjectKind::kGroup, kNodesGroup}});
}

}  // namespace

api::rbac::ClusterRole& AddClusterRole(DefaultPolicy& policy, std::string_view name, PolicyRules rules) {
  api::rbac::ClusterRole& role = policy.cluster_roles.emplace_back();
  role.metadata.name = name;
  role.rules = std::move(rules);
  Mark(role);
  return role;
}

void Bind(DefaultPolicy& policy, std::string_view role, std::vector<SubjectText> subjects) {
  api::rbac::ClusterRoleBinding& binding = policy.cluster_role_bindings.emplace_back();
  binding.metadata.name = role;
  binding.role_ref = {std::string(kApiGroup), "ClusterRole", std::string(role)};
  for (const SubjectText& subject : subjects) binding.subjects.push_back(SubjectOf(subject));
  Mark(binding);
}

void Withdraw(DefaultPolicy& policy, std::string_view role, const SubjectText& subject) {
  policy.withdrawn.push_back({std::string(role), SubjectOf(subject)});
}

DefaultPolicy MakeDefaultPolicy() {
  DefaultPolicy policy;
  AddUserRoles(policy);
  AddComponentRoles(policy);
  AddControllerRoles(policy);
  AddSystemRoles(policy);
  return policy;
}

std::optional<api::rbac::ClusterRoleBinding> WithoutWithdrawn(const api::rbac::ClusterRoleBinding& have,
                                                              const DefaultPolicy& policy) {
  if (LeftAlone(have.metadata)) return std::nullopt;
  api::rbac::ClusterRoleBinding less = have;
  for (const WithdrawnSubject& withdrawn : policy.withdrawn) {
    if (withdrawn.binding == have.metadata.name) std::erase(less.subjects, withdrawn.subject);
  }
  return less.subjects == have.subjects ? std::nullopt : std::optional(std::move(less));
}

std::optional<api::rbac::ClusterRole> Reconcile(const api::rbac::ClusterRole& have, const api::rbac::ClusterRole& wanted) {
  // The rules of an aggregated role are the aggregation's.
  return ReconcileRole(have, wanted, wanted.aggregation_rule ? PolicyRules() : wanted.rules);
}

std::optional<api::rbac::Role> Reconcile(const api::rbac::Role& have, const api::rbac::Role& wanted) {
  return ReconcileRole(have, wanted, wanted.rules);
}

std::optional<api::rbac::ClusterRoleBinding> Reconcile(const api::rbac::ClusterRoleBinding& have,
                                                       const api::rbac::ClusterRoleBinding& wanted) {
  return ReconcileBinding(have, wanted);
}

std::optional<api::rbac::RoleBinding> Reconcile(const api::rbac::RoleBinding& have, const api::rbac::RoleBinding& wanted) {
  return ReconcileBinding(have, wanted);
}

}  // namespace sampan::apiserver::auth
