// What the handlers behind the gate work with.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "apiserver/auth/auth.h"
#include "apiserver/gate/heavy.h"
#include "apiserver/registry/registry.h"

namespace sampan::apiserver {

// Answers a kind that is never stored: a review, a token request. `name` and `namespace_` are those of the path.
struct VirtualCall {
  const auth::UserInfo* user = nullptr;
  std::string namespace_;
  std::string name;
};
using VirtualCreate = std::function<Task<Result<json::Value>>(VirtualCall call, json::Value body)>;

// Thread-safe as its parts are; outlives every request.
struct Core {
  Registry& registry;
  auth::Authorizer& authorizer;
  std::map<std::string, VirtualCreate> virtual_kinds = {};  // by "group/resource", or "serviceaccounts/token"
  mutable HeavyWork heavy = {};
};

}  // namespace sampan::apiserver
