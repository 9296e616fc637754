// The API server: the Kubernetes API over a store and its caches. Serves HTTP through handler() and components of the
// same process through InProcess(), with the same authorization, admission and validation.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/object.h"
#include "apiserver/auth/auth.h"
#include "apiserver/auth/reviews.h"
#include "apiserver/gate/audit/options.h"
#include "async/clock.h"
#include "async/executor.h"
#include "async/io_loop.h"
#include "async/task.h"
#include "base/rng.h"
#include "client/client.h"
#include "net/client.h"
#include "net/http.h"
#include "store/cache.h"
#include "store/store.h"

namespace sampan::apiserver {

struct ServerOptions {
  std::string service_cluster_ip_range = "10.96.0.0/12";
  uint16_t node_port_min = 30000;
  uint16_t node_port_max = 32767;
  std::string advertise_address = "127.0.0.1";  // where the `kubernetes` Service points to; loopback: nowhere
  uint16_t secure_port = 6443;
  std::string version = "v1.36.0+sampan";  // gitVersion of /version
  Duration event_ttl = std::chrono::hours(1);
  size_t max_readonly_in_flight = 400;
  size_t max_mutating_in_flight = 200;
  size_t max_watches = 20'000;
  // How to reach kubelets: the client certificate and the CA that their serving certificates chain to.
  std::shared_ptr<const net::TlsClientOptions> kubelet_tls;
  audit::Options audit;  // no policy: no log is kept
};

// BadRequest with what is wrong: to be asked before the server is built, which insists on it.
Result<void> CheckOptions(const ServerOptions& options);

// Everything is borrowed and outlives the server.
struct ServerDependencies {
  store::Store& store;
  store::CacheSet& caches;
  auth::Authenticator& authenticator;
  auth::Authorizer& authorizer;
  Clock& clock;
  Rng& rng;
  Executor& background;  // periodic work
  IoLoops& loops;        // of connections to nodes and pods
  // Answers reviews, token requests and OpenID discovery; null: none of them is served.
  const auth::Reviews* reviews = nullptr;
};

// Thread-safe.
class ApiServer {
 public:
  ApiServer(const ServerDependencies& dependencies, ServerOptions options);
  ~ApiServer();  // after Stop()

  // Waits for the caches, recovers the allocators, writes the objects every cluster has, starts periodic work. Requests
  // are answered before that with 503.
  Task<Result<void>> Start();
  // Ends what has no end of its own: watches, followed logs, exec, port-forward. The first step of a stop, before the
  // listener waits for the requests that end by themselves.
  void EndStreams();
  // Refuses new requests, waits for periodic work.
  Task<void> Stop();

  // New connections to kubelets are made with it: the server's client certificate was renewed.
  void SetKubeletTls(std::shared_ptr<const net::TlsClientOptions> tls);

  net::Handler handler();
  // For net::ServerOptions::error_response: what HTTP refuses before the handler, as a metav1.Status.
  static net::Response ErrorPage(int status, std::string_view reason);
  // Calls without a socket: objects are the cache's own. Every call is authorized as `identity`.
  std::unique_ptr<client::Client> InProcess(auth::UserInfo identity);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sampan::apiserver
