#include "apiserver/auth/service_account.h"

#include <fmt/format.h>

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kUserPrefix = "system:serviceaccount:";
constexpr std::string_view kGroup = "system:serviceaccounts";

}  // namespace

std::string ServiceAccountUser(std::string_view namespace_, std::string_view name) {
  return fmt::format("{}{}:{}", kUserPrefix, namespace_, name);
}

std::optional<ServiceAccountName> ParseServiceAccountName(std::string_view user) {
  if (!user.starts_with(kUserPrefix)) return std::nullopt;
  user.remove_prefix(kUserPrefix.size());
  size_t colon = user.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == user.size()) return std::nullopt;
  std::string_view name = user.substr(colon + 1);
  if (name.find(':') != std::string_view::npos) return std::nullopt;
  return ServiceAccountName{std::string(user.substr(0, colon)), std::string(name)};
}

std::vector<std::string> ServiceAccountGroups(std::string_view namespace_) {
  return {std::string(kGroup), fmt::format("{}:{}", kGroup, namespace_)};
}

}  // namespace sampan::apiserver::auth
