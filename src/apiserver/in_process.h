// The client for components of the server's own process.
#pragma once

#include <memory>

#include "apiserver/http/context.h"
#include "client/client.h"

namespace sampan::apiserver {

// Calls run on the caller's executor and are authorized as `identity`. The context outlives the client.
std::unique_ptr<client::Client> NewInProcessClient(HttpContext& context, auth::UserInfo identity);

}  // namespace sampan::apiserver
