// A short way to write policy rules down: words separated by spaces, "core" for the core group.
//
//   Rules({{"core", "pods pods/log", "get list watch"}, {"apps", "deployments", "*"}})
#pragma once

#include <initializer_list>
#include <string_view>

#include "apiserver/auth/rbac_index.h"

namespace sampan::apiserver::auth {

struct RuleText {
  std::string_view groups;
  std::string_view resources;
  std::string_view verbs;
  std::string_view names = {};
};

PolicyRules Rules(std::initializer_list<RuleText> texts);
// A rule for paths: Paths("/api /api/*", "get").
api::rbac::PolicyRule Paths(std::string_view paths, std::string_view verbs);
std::vector<std::string> Words(std::string_view text);

}  // namespace sampan::apiserver::auth
