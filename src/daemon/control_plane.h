// The control plane of one server: store, caches, authentication, API server, its listener, controllers and scheduler.
#pragma once

#include <memory>

#include "apiserver/auth/auth.h"
#include "client/client.h"
#include "daemon/certificates.h"
#include "daemon/config.h"
#include "daemon/paths.h"
#include "daemon/runtime.h"
#include "daemon/supervisor.h"

namespace sampan::daemon {

class ControlPlane {
 public:
  // Everything is borrowed and outlives it.
  ControlPlane(Runtime& runtime, const ServerConfig& config, const Paths& paths, const Certificates& certificates);
  ~ControlPlane();  // after the supervisor stopped its components

  // Adds its components in start order.
  void AddTo(Supervisor& supervisor);

  // New connections, of clients and to nodes, are made with these. After the API server's start, before its stop.
  Result<void> UseCertificates(const Certificates& all);

  // The API for a component of this process, as `identity`. After the API server's start.
  std::unique_ptr<client::Client> ClientFor(apiserver::auth::UserInfo identity);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sampan::daemon
