#include "apiserver/auth/node_identity.h"

#include "api/meta/names.h"

namespace sampan::apiserver::auth {

std::optional<std::string_view> NodeOf(const UserInfo& user) {
  std::string_view node = user.name;
  if (!node.starts_with(kNodeUserPrefix) || !user.InGroup(kNodesGroup)) return std::nullopt;
  node.remove_prefix(kNodeUserPrefix.size());
  return api::CheckDns1123Subdomain(node).empty() ? node : std::string_view();
}

}  // namespace sampan::apiserver::auth
