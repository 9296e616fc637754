#include "apiserver/auth/rule_text.h"

#include <algorithm>

namespace sampan::apiserver::auth {

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

PolicyRules Rules(std::initializer_list<RuleText> texts) {
  PolicyRules rules;
  for (const RuleText& text : texts) {
    api::rbac::PolicyRule& rule = rules.emplace_back();
    rule.verbs = Words(text.verbs);
    rule.api_groups = Words(text.groups);
    std::ranges::replace(rule.api_groups, "core", "");
    rule.resources = Words(text.resources);
    rule.resource_names = Words(text.names);
  }
  return rules;
}

api::rbac::PolicyRule Paths(std::string_view paths, std::string_view verbs) {
  return {.verbs = Words(verbs), .non_resource_urls = Words(paths)};
}

}  // namespace sampan::apiserver::auth
