#include "apiserver/auth/escalation.h"

#include <algorithm>

#include "api/meta/label_selector.h"
#include "api/types/meta.h"

namespace sampan::apiserver::auth {
namespace {

using api::rbac::PolicyRule;

bool Covers(const std::vector<std::string>& held, const std::string& wanted) {
  return std::ranges::any_of(held, [&](const std::string& one) { return one == "*" || one == wanted; });
}

bool CoversResource(const std::vector<std::string>& held, const std::string& wanted) {
  const size_t slash = wanted.find('/');
  return std::ranges::any_of(held, [&](const std::string& one) {
    if (one == "*" || one == wanted) return true;
    return slash != std::string::npos && one.starts_with("*/") && one.substr(1) == wanted.substr(slash);
  });
}

bool CoversPath(const std::vector<std::string>& held, const std::string& wanted) {
  return std::ranges::any_of(held, [&](const std::string& one) {
    return one == "*" || one == wanted ||
           (one.ends_with('*') && wanted.starts_with(std::string_view(one).substr(0, one.size() - 1)));
  });
}

// `single` has one verb, and one group and resource and at most one name, or one path.
bool CoversSingle(const PolicyRule& held, const PolicyRule& single) {
  if (!Covers(held.verbs, single.verbs[0])) return false;
  if (!single.non_resource_urls.empty()) return CoversPath(held.non_resource_urls, single.non_resource_urls[0]);
  if (!Covers(held.api_groups, single.api_groups[0]) || !CoversResource(held.resources, single.resources[0])) return false;
  if (held.resource_names.empty()) return true;
  return !single.resource_names.empty() &&
         std::ranges::find(held.resource_names, single.resource_names[0]) != held.resource_names.end();
}

PolicyRules TakeApart(const PolicyRule& rule) {
  PolicyRules singles;
  for (const std::string& verb : rule.verbs) {
    for (const std::string& url : rule.non_resource_urls) {
      singles.push_back({.verbs = {verb}, .non_resource_urls = {url}});
    }
    for (const std::string& group : rule.api_groups) {
      for (const std::string& resource : rule.resources) {
        PolicyRule single{.verbs = {verb}, .api_groups = {group}, .resources = {resource}};
        if (rule.resource_names.empty()) singles.push_back(single);
        for (const std::string& name : rule.resource_names) {
          single.resource_names = {name};
          singles.push_back(single);
        }
      }
    }
  }
  return singles;
}

bool SameButVerbs(const PolicyRule& a, const PolicyRule& b) {
  return a.api_groups == b.api_groups && a.resources == b.resources && a.resource_names == b.resource_names &&
         a.non_resource_urls == b.non_resource_urls;
}

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
  PolicyRules missing;
  for (const PolicyRule& rule : wanted) {
    for (PolicyRule& single : TakeApart(rule)) {
      if (std::ranges::any_of(held, [&](const PolicyRule& one) { return CoversSingle(one, single); })) continue;
      auto same = std::ranges::find_if(missing, [&](const PolicyRule& one) { return SameButVerbs(one, single); });
      if (same == missing.end()) {
        missing.push_back(std::move(single));
      } else if (std::ranges::find(same->verbs, single.verbs[0]) == same->verbs.end()) {
        same->verbs.push_back(std::move(single.verbs[0]));
      }
    }
  }
  return missing;
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
  for (const NamedRole* other : chosen) {
    for (const PolicyRule& rule : other->rules) {
      if (std::ranges::find(rules, rule) == rules.end()) rules.push_back(rule);
    }
  }
  return rules;
}

}  // namespace sampan::apiserver::auth
