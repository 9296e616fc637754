#include "apiserver/auth/rules.h"

#include <algorithm>

#include "api/types/convert.h"
#include "apiserver/auth/escalation.h"

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

std::string PluralOf(std::string_view kind) {
  return kind == "Role"          ? "roles"
         : kind == "ClusterRole" ? "clusterroles"
         : kind == "RoleBinding" ? "rolebindings"
                                 : "clusterrolebindings";
}

std::string GoList(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values)
    fmt::format_to(std::back_inserter(out), "{}\"{}\"", out.size() > 1 ? " " : "", value);
  return out + "]";
}

Error Refused(std::string_view kind, std::string_view name, const UserInfo& user, const PolicyRules& missing) {
  std::vector<std::string> lines;
  for (const api::rbac::PolicyRule& rule : missing) lines.push_back(CompactRule(rule));
  std::ranges::sort(lines);
  const std::string resource = PluralOf(kind);
  ErrorDetails details{.group = std::string(kGroup), .kind = resource, .name = std::string(name)};
  return Error::Forbidden(
             "{}.{} \"{}\" is forbidden: user \"{}\" (groups={}) is attempting to grant RBAC permissions not currently "
             "held:\n{}",
             resource, kGroup, name, user.name, GoList(user.groups), fmt::join(lines, "\n"))
      .WithDetails(std::move(details));
}

bool MayUseVerb(const Authorizer& authorizer, const UserInfo& user, std::string_view verb, std::string_view resource,
                std::string_view namespace_, std::string_view name) {
  Attributes attributes{.user = &user,
                        .verb = verb,
                        .group = kGroup,
                        .version = "v1",
                        .resource = resource,
                        .namespace_ = namespace_,
                        .name = name,
                        .resource_request = true};
  return authorizer.Authorize(attributes).allowed;
}

Result<void> CheckHeld(const Authorizer& authorizer, const UserInfo& user, std::string_view kind,
                       const api::meta::ObjectMeta& metadata, const PolicyRules& granted) {
  UserRules held;
  if (authorizer.rules() != nullptr) held = authorizer.rules()->RulesFor(user, metadata.namespace_);
  PolicyRules missing = Uncovered(granted, held.rules);
  if (missing.empty()) return {};
  return Fail(Refused(kind, metadata.name, user, missing));
}

template <class T>
Result<std::optional<T>> DecodeOld(const json::Value* old) {
  if (old == nullptr) return std::optional<T>();
  TRY(T value, api::FromJson<T>(*old));
  return std::optional<T>(std::move(value));
}

template <class T>
Result<void> CheckRole(const Authorizer& authorizer, const UserInfo& user, std::string_view kind, const json::Value& object,
                       const json::Value* old) {
  TRY(T role, api::FromJson<T>(object));
  TRY(std::optional<T> before, DecodeOld<T>(old));
  PolicyRules granted = role.rules;
  bool same = before && before->rules == role.rules;
  if constexpr (requires { role.aggregation_rule; }) {
    same = same && before->aggregation_rule == role.aggregation_rule;
    // Whoever chooses what is aggregated may get everything into it.
    if (role.aggregation_rule) {
      granted = {{.verbs = {"*"}, .api_groups = {"*"}, .resources = {"*"}}, {.verbs = {"*"}, .non_resource_urls = {"*"}}};
    }
  }
  if (same || MayUseVerb(authorizer, user, "escalate", PluralOf(kind), role.metadata.namespace_, role.metadata.name))
    return {};
  return CheckHeld(authorizer, user, kind, role.metadata, granted);
}

template <class T>
Result<void> CheckBinding(const Authorizer& authorizer, const UserInfo& user, std::string_view kind,
                          const json::Value& object, const json::Value* old) {
  TRY(T binding, api::FromJson<T>(object));
  TRY(std::optional<T> before, DecodeOld<T>(old));
  if (before && before->role_ref == binding.role_ref && before->subjects == binding.subjects) return {};
  const std::string roles = binding.role_ref.kind == "Role" ? "roles" : "clusterroles";
  if (MayUseVerb(authorizer, user, "bind", roles, binding.metadata.namespace_, binding.role_ref.name)) return {};
  std::optional<PolicyRules> granted;
  if (authorizer.rules() != nullptr) granted = authorizer.rules()->RulesOf(binding.metadata.namespace_, binding.role_ref);
  if (!granted) {
    ErrorDetails details{.group = std::string(kGroup), .kind = roles, .name = binding.role_ref.name};
    return Fail(
        Error::NotFound("{}.{} \"{}\" not found", roles, kGroup, binding.role_ref.name).WithDetails(std::move(details)));
  }
  return CheckHeld(authorizer, user, kind, binding.metadata, *granted);
}

}  // namespace

Result<void> CheckGrant(const Authorizer& authorizer, const UserInfo& user, const json::Value& object,
                        const json::Value* old) {
  if (user.InGroup(kMastersGroup)) return {};
  const std::string_view kind = json::FindString(json::Find(object, "kind"));
  if (kind == "Role") return CheckRole<api::rbac::Role>(authorizer, user, kind, object, old);
  if (kind == "ClusterRole") return CheckRole<api::rbac::ClusterRole>(authorizer, user, kind, object, old);
  if (kind == "RoleBinding") return CheckBinding<api::rbac::RoleBinding>(authorizer, user, kind, object, old);
  return CheckBinding<api::rbac::ClusterRoleBinding>(authorizer, user, kind, object, old);
}

}  // namespace sampan::apiserver::auth
