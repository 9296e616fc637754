// What the handlers of all requests share.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "api/openapi/openapi.h"
#include "apiserver/auth/reviews.h"
#include "apiserver/gate/gate.h"
#include "apiserver/http/answer_memory.h"
#include "apiserver/http/exchange.h"
#include "apiserver/proxy/connections.h"
#include "async/cancel.h"

namespace sampan::apiserver {

struct HttpOptions {
  std::string version;
  std::string advertise_address;
  uint16_t secure_port = 0;
  std::string server_address() const { return fmt::format("{}:{}", advertise_address, secure_port); }
  size_t max_request_bytes = 3 * 1024 * 1024;  // of a body that is an object, a patch or options
  std::shared_ptr<const net::TlsClientOptions> kubelet_tls;
};

// Thread-safe as its parts are; outlives every request.
struct HttpContext {
  HttpContext(Core& core, RequestGate& gate, Metrics& metrics, auth::Authenticator& authenticator, IoLoops& loops,
              HttpOptions options);

  Core& core;
  RequestGate& gate;
  Registry& registry;  // the core's
  auth::Authenticator& authenticator;
  const HttpOptions options;
  Metrics& metrics;
  api::OpenApi openapi;
  ProxyConnections connections;
  AnswerMemory answers{256 * 1024 * 1024};
  std::vector<const api::KindInfo*> kinds;  // all that are served
  const auth::Reviews* reviews = nullptr;
  std::atomic<bool> ready{false};  // the objects that every cluster has are there
  CancelSource streams;            // cancelled: requests that last as long as their client likes end
};

}  // namespace sampan::apiserver
