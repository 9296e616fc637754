// The names of service accounts as users and groups.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sampan::apiserver::auth {

struct ServiceAccountName {
  std::string namespace_;
  std::string name;
};

// "system:serviceaccount:<namespace>:<name>"
std::string ServiceAccountUser(std::string_view namespace_, std::string_view name);
// Nothing when `user` is no service account.
std::optional<ServiceAccountName> ParseServiceAccountName(std::string_view user);
// system:serviceaccounts and system:serviceaccounts:<namespace>
std::vector<std::string> ServiceAccountGroups(std::string_view namespace_);

}  // namespace sampan::apiserver::auth
