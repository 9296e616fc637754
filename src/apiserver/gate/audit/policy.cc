#include "apiserver/gate/audit/policy.h"

#include <algorithm>

#include "apiserver/gate/audit/policy_reader.h"

namespace sampan::apiserver::audit {

namespace {

bool Holds(const std::vector<std::string>& list, std::string_view wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

bool UrlMatches(std::string_view pattern, std::string_view path) {
  if (pattern == "*" || pattern == path) return true;
  return pattern.ends_with('*') && path.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool ResourceMatches(std::string_view pattern, const auth::Attributes& attributes) {
  if (pattern == "*") return true;
  size_t slash = pattern.find('/');
  std::string_view resource = pattern.substr(0, slash);
  std::string_view sub = slash == std::string_view::npos ? std::string_view() : pattern.substr(slash + 1);
  if (resource == "*") return !attributes.subresource.empty() && sub == attributes.subresource;
  return resource == attributes.resource && (sub == "*" || sub == attributes.subresource);
}

bool GroupMatches(const GroupResources& wanted, const auth::Attributes& attributes) {
  if (wanted.group != attributes.group) return false;
  if (wanted.resources.empty()) return true;
  if (!wanted.names.empty() && !Holds(wanted.names, attributes.name)) return false;
  return std::ranges::any_of(wanted.resources,
                             [&](const std::string& pattern) { return ResourceMatches(pattern, attributes); });
}

bool Matches(const Rule& rule, const auth::Attributes& attributes) {
  if (!rule.users.empty() && !Holds(rule.users, attributes.user->name)) return false;
  auto in = [&](const std::string& group) { return Holds(rule.groups, group); };
  if (!rule.groups.empty() && !std::ranges::any_of(attributes.user->groups, in)) return false;
  if (!rule.verbs.empty() && !Holds(rule.verbs, attributes.verb)) return false;
  if (!rule.namespaces.empty() || !rule.resources.empty()) {
    if (!attributes.resource_request) return false;
    if (!rule.namespaces.empty() && !Holds(rule.namespaces, attributes.namespace_)) return false;
    auto matches = [&](const GroupResources& wanted) { return GroupMatches(wanted, attributes); };
    return rule.resources.empty() || std::ranges::any_of(rule.resources, matches);
  }
  if (rule.non_resource_urls.empty()) return true;
  auto matches = [&](const std::string& pattern) { return UrlMatches(pattern, attributes.path); };
  return !attributes.resource_request && std::ranges::any_of(rule.non_resource_urls, matches);
}

}  // namespace

Result<Policy> Policy::Parse(std::string_view text) {
  TRY(PolicyDocument document, ReadPolicy(text));
  Policy policy;
  policy.rules_ = std::move(document.rules);
  policy.omitted_ = document.omitted;
  policy.omit_managed_fields_ = document.omit_managed_fields;
  return policy;
}

Result<std::shared_ptr<const Policy>> Policy::Load(const std::string& path) {
  TRY(std::string text, ReadPolicyFile(path));
  TRY(Policy policy, Parse(text));
  return std::make_shared<const Policy>(std::move(policy));
}

Verdict Policy::Decide(const auth::Attributes& attributes) const {
  Verdict verdict;
  verdict.omitted = omitted_;
  for (const Rule& rule : rules_) {
    if (!Matches(rule, attributes)) continue;
    verdict.level = rule.level;
    verdict.omitted.Add(rule.omitted);
    verdict.managed_fields = ManagedFields(rule.omit_managed_fields.value_or(omit_managed_fields_));
    return verdict;
  }
  return verdict;
}

}  // namespace sampan::apiserver::audit
