// Which node a user is.
#pragma once

#include <optional>
#include <string_view>

#include "apiserver/auth/auth.h"

namespace sampan::apiserver::auth {

// The name of the node that the user is: of the group system:nodes and named system:node:<name>. Nothing for other users;
// "" for a user like a node whose name can be no Node's, which may do nothing. A view into `user`.
std::optional<std::string_view> NodeOf(const UserInfo& user);

}  // namespace sampan::apiserver::auth
