// The client for components of the server's own process: a door (gate/door.h) without encoding and without sockets.
#pragma once

#include <memory>

#include "apiserver/gate/gate.h"
#include "client/client.h"

namespace sampan::apiserver {

// Calls run on the caller's executor and pass the gate as `identity`. The gate outlives the client.
std::unique_ptr<client::Client> NewInProcessClient(RequestGate& gate, auth::UserInfo identity);

}  // namespace sampan::apiserver
