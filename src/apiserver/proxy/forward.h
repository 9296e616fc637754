// Hands an HTTP request on and its answer back, piece by piece; upgrades become a relay of bytes.
#pragma once

#include <string>

#include "net/client.h"
#include "net/http.h"

namespace sampan::apiserver {

// `target` is path and query upstream; `prefix` is the path under which clients see upstream's root: links of web pages,
// redirections and what upstream is told of the request agree with it. Fails, with nothing answered, when upstream cannot be
// reached; afterwards the client has its answer or a closed connection. The arguments outlive the task.
Task<Result<int>> Forward(net::Request* request, net::ResponseWriter* writer, net::Client* upstream, std::string target,
                          std::string prefix);

}  // namespace sampan::apiserver
