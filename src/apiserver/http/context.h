// What the handlers of all requests share.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/openapi/openapi.h"
#include "apiserver/auth/reviews.h"
#include "apiserver/http/exchange.h"
#include "apiserver/http/metrics.h"
#include "apiserver/proxy/connections.h"
#include "apiserver/registry/registry.h"
#include "async/cancel.h"

namespace sampan::apiserver {

// Answers a kind that is never stored: a review, a token request. `name` and `namespace_` are those of the path.
struct VirtualCall {
  const auth::UserInfo* user = nullptr;
  std::string namespace_;
  std::string name;
};
using VirtualCreate = std::function<Task<Result<json::Value>>(VirtualCall call, json::Value body)>;

struct HttpOptions {
  std::string version;
  std::string server_address;
  size_t max_readonly_in_flight = 400;
  size_t max_mutating_in_flight = 200;
  size_t max_watches = 20'000;
  size_t max_request_bytes = 3 * 1024 * 1024;  // of a body that is an object, a patch or options
  std::shared_ptr<const net::TlsClientOptions> kubelet_tls;
};

// Thread-safe as its parts are; outlives every request.
struct HttpContext {
  HttpContext(Registry& registry, auth::Authenticator& authenticator, auth::Authorizer& authorizer, IoLoops& loops,
              HttpOptions options);

  Registry& registry;
  auth::Authenticator& authenticator;
  auth::Authorizer& authorizer;
  const HttpOptions options;
  Metrics metrics;
  api::OpenApi openapi;
  ProxyConnections connections;
  std::vector<const api::KindInfo*> kinds;  // all that are served
  const auth::Reviews* reviews = nullptr;
  std::map<std::string, VirtualCreate> virtual_kinds;  // by "group/resource", or "serviceaccounts/token"
  std::atomic<bool> ready{false};                      // the objects that every cluster has are there
  std::atomic<bool> stopping{false};
  CancelSource streams;  // cancelled: requests that last as long as their client likes end
};

}  // namespace sampan::apiserver
