#include "apiserver/auth/escalation.h"

#include <algorithm>

#include "api/meta/label_selector.h"
#include "api/types/convert.h"
#include "api/types/meta.h"
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

PolicyRules AggregateRules(const api::rbac::ClusterRole& role, const std::vector<NamedRole>& roles) {
  std::vector<const NamedRole*> chosen;
  for (const NamedRole& other : roles) {
    if (other.name == role.metadata.name) continue;
    for (const api::meta::LabelSelector& wanted : role.aggregation_rule.OrEmpty().cluster_role_selectors) {
      Result<api::LabelSelector> selector = api::LabelSelector::From(wanted);
      if (selector && selector->Matches(other.labels)) {
        chosen.push_back(&other);
        break;
      }
    }
  }
  std::ranges::sort(chosen, {}, &NamedRole::name);
  PolicyRules rules;
  std::unordered_set<std::string> seen;
  for (const NamedRole* other : chosen) {
    for (const PolicyRule& rule : other->rules) {
      if (seen.insert(api::ToJsonText(rule)).second) rules.push_back(rule);
    }
  }
  return rules;
}

}  // namespace sampan::apiserver::auth
