#include "apiserver/auth/rbac_index.h"

#include <algorithm>

#include "apiserver/auth/service_account.h"

namespace sampan::apiserver::auth {
namespace {

bool Has(const std::vector<std::string>& list, std::string_view wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

bool HasOrAll(const std::vector<std::string>& list, std::string_view wanted) {
  return std::ranges::any_of(list, [&](const std::string& one) { return one == "*" || one == wanted; });
}

// "pods", "pods/log", "*/scale" and "*".
bool ResourceFits(const std::string& pattern, const Attributes& attributes) {
  if (pattern == "*") return true;
  if (attributes.subresource.empty()) return pattern == attributes.resource;
  if (pattern.size() < attributes.subresource.size() + 2 || !pattern.ends_with(attributes.subresource)) return false;
  std::string_view head = std::string_view(pattern).substr(0, pattern.size() - attributes.subresource.size());
  if (head.back() != '/') return false;
  head.remove_suffix(1);
  return head == "*" || head == attributes.resource;
}

bool PathFits(const std::string& pattern, std::string_view path) {
  if (pattern == "*" || pattern == path) return true;
  return pattern.ends_with('*') && path.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
}

std::string Key(std::string_view namespace_, std::string_view name) {
  return fmt::format("{}/{}", namespace_, name);
}

std::string Describe(const api::rbac::Subject& subject) {
  return subject.kind == "ServiceAccount" ? fmt::format("{} \"{}/{}\"", subject.kind, subject.name, subject.namespace_)
                                          : fmt::format("{} \"{}\"", subject.kind, subject.name);
}

// The user name that a subject stands for; nothing for groups and unknown kinds.
std::optional<std::string> UserOf(const api::rbac::Subject& subject, std::string_view binding_namespace) {
  if (subject.kind == "User") return subject.name;
  if (subject.kind != "ServiceAccount") return std::nullopt;
  return ServiceAccountUser(subject.namespace_.empty() ? binding_namespace : subject.namespace_, subject.name);
}

}  // namespace

bool RuleAllows(const api::rbac::PolicyRule& rule, const Attributes& attributes) {
  if (!HasOrAll(rule.verbs, attributes.verb)) return false;
  if (!attributes.resource_request) {
    return std::ranges::any_of(rule.non_resource_urls,
                               [&](const std::string& one) { return PathFits(one, attributes.path); });
  }
  return HasOrAll(rule.api_groups, attributes.group) &&
         std::ranges::any_of(rule.resources, [&](const std::string& one) { return ResourceFits(one, attributes); }) &&
         (rule.resource_names.empty() || Has(rule.resource_names, attributes.name));
}

struct RbacIndex::Role {
  bool present = false;
  PolicyRules rules;
};

struct RbacIndex::Grant {
  Binding binding;
  const Role* role = nullptr;
  std::set<std::string, std::less<>> users, groups;  // of the subjects, each once
};

RbacIndex::RbacIndex() = default;
RbacIndex::~RbacIndex() = default;

RbacIndex::Role& RbacIndex::RoleSlot(std::string_view namespace_, std::string_view name) {
  std::unique_ptr<Role>& slot = roles_[Key(namespace_, name)];
  if (!slot) slot = std::make_unique<Role>();
  return *slot;
}

void RbacIndex::SetRole(std::string_view namespace_, std::string_view name, PolicyRules rules) {
  Role& role = RoleSlot(namespace_, name);
  role.rules = std::move(rules);
  role.present = true;
}

void RbacIndex::EraseRole(std::string_view namespace_, std::string_view name) {
  Role& role = RoleSlot(namespace_, name);
  role.rules = {};
  role.present = false;
}

void RbacIndex::SetBinding(Binding binding) {
  EraseBinding(binding.namespace_, binding.name);
  const std::string key = Key(binding.namespace_, binding.name);
  auto grant = std::make_unique<Grant>();
  grant->role = &RoleSlot(binding.role.kind == "Role" ? std::string_view(binding.namespace_) : "", binding.role.name);
  grant->binding = std::move(binding);
  for (const api::rbac::Subject& subject : grant->binding.subjects) {
    if (std::optional<std::string> user = UserOf(subject, grant->binding.namespace_)) grant->users.insert(*std::move(user));
    if (subject.kind == "Group") grant->groups.insert(subject.name);
  }
  for (const std::string& user : grant->users) by_user_[user].push_back(grant.get());
  for (const std::string& group : grant->groups) by_group_[group].push_back(grant.get());
  grants_[key] = std::move(grant);
}

void RbacIndex::EraseBinding(std::string_view namespace_, std::string_view name) {
  auto found = grants_.find(Key(namespace_, name));
  if (found == grants_.end()) return;
  const Grant* grant = found->second.get();
  auto drop = [grant](StringTable<Grants>& table, const std::string& key) {
    auto entry = table.find(key);
    if (entry == table.end()) return;
    std::erase(entry->second, grant);
    if (entry->second.empty()) table.erase(entry);
  };
  for (const std::string& user : grant->users) drop(by_user_, user);
  for (const std::string& group : grant->groups) drop(by_group_, group);
  grants_.erase(found);
}

// Stops when `visit` says true, and returns whether it did.
template <class F>
bool RbacIndex::VisitGrants(const UserInfo& user, std::string_view namespace_, F visit) const {
  auto visit_all = [&](const StringTable<Grants>& table, std::string_view key) {
    auto found = table.find(key);
    if (found == table.end()) return false;
    return std::ranges::any_of(found->second, [&](const Grant* grant) {
      const std::string& where = grant->binding.namespace_;
      return (where.empty() || (!namespace_.empty() && where == namespace_)) && visit(*grant);
    });
  };
  if (visit_all(by_user_, user.name)) return true;
  return std::ranges::any_of(user.groups, [&](const std::string& group) { return visit_all(by_group_, group); });
}

Decision RbacIndex::Authorize(const Attributes& attributes, Detail detail) const {
  const UserInfo& user = *attributes.user;
  Decision decision;
  std::string missing;
  decision.allowed = VisitGrants(user, attributes.namespace_, [&](const Grant& grant) {
    const Binding& binding = grant.binding;
    if (!grant.role->present) {
      missing = fmt::format("{}{}.rbac.authorization.k8s.io \"{}\" not found", missing.empty() ? "RBAC: " : missing + ", ",
                            binding.role.kind == "Role" ? "role" : "clusterrole", binding.role.name);
      return false;
    }
    bool allows = std::ranges::any_of(grant.role->rules, [&](const auto& rule) { return RuleAllows(rule, attributes); });
    if (!allows || detail == Detail::kNone) return allows;
    auto who = std::ranges::find_if(binding.subjects, [&](const api::rbac::Subject& subject) {
      return subject.kind == "Group" ? user.InGroup(subject.name) : UserOf(subject, binding.namespace_) == user.name;
    });
    decision.reason = binding.namespace_.empty()
                          ? fmt::format("RBAC: allowed by ClusterRoleBinding \"{}\" of {} \"{}\" to {}", binding.name,
                                        binding.role.kind, binding.role.name, Describe(*who))
                          : fmt::format("RBAC: allowed by RoleBinding \"{}/{}\" of {} \"{}\" to {}", binding.name,
                                        binding.namespace_, binding.role.kind, binding.role.name, Describe(*who));
    return true;
  });
  if (!decision.allowed) decision.reason = std::move(missing);
  return decision;
}

void RbacIndex::VisitRules(const UserInfo& user, std::string_view namespace_,
                           const std::function<void(const api::rbac::PolicyRule&)>& visit,
                           std::vector<std::string>* missing) const {
  VisitGrants(user, namespace_, [&](const Grant& grant) {
    if (!grant.role->present && missing != nullptr) missing->push_back(grant.binding.role.name);
    for (const api::rbac::PolicyRule& rule : grant.role->rules) visit(rule);
    return false;
  });
}

const PolicyRules* RbacIndex::RulesOf(std::string_view namespace_, const api::rbac::RoleRef& role) const {
  auto found = roles_.find(Key(role.kind == "Role" ? namespace_ : "", role.name));
  return found == roles_.end() || !found->second->present ? nullptr : &found->second->rules;
}

}  // namespace sampan::apiserver::auth
