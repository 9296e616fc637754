// What the handlers behind the gate work with.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "apiserver/auth/auth.h"
#include "apiserver/registry/registry.h"
#include "async/pool.h"

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
  // One thread for what takes more than a few milliseconds: requests with large bodies, the building of OpenAPI documents.
  // They wait for each other instead of holding up the connections of a loop.
  std::unique_ptr<Executor> heavy = NewThreadPool("api-heavy", 1);
};

}  // namespace sampan::apiserver
