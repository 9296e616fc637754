#include "apiserver/auth/escalation.h"

#include "apiserver/auth/cover_check.h"

namespace sampan::apiserver::auth {
namespace {

using api::rbac::PolicyRule;

void AppendPart(std::string_view name, const std::vector<std::string>& values, std::string& out) {
  if (values.empty()) return;
  if (out.size() > 1) out += ", ";
  out.append(name).append(":[");
  for (size_t i = 0; i < values.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}\"{}\"", i == 0 ? "" : " ", values[i]);
  out += "]";
}

}  // namespace

PolicyRules Uncovered(const PolicyRules& wanted, const PolicyRules& held) {
  CoverCheck check(held);
  for (const PolicyRule& rule : wanted) check.Add(rule);
  return std::move(check).Take();
}

std::string CompactRule(const PolicyRule& rule) {
  std::string out = "{";
  AppendPart("APIGroups", rule.api_groups, out);
  AppendPart("Resources", rule.resources, out);
  AppendPart("NonResourceURLs", rule.non_resource_urls, out);
  AppendPart("ResourceNames", rule.resource_names, out);
  AppendPart("Verbs", rule.verbs, out);
  return out + "}";
}

}  // namespace sampan::apiserver::auth
