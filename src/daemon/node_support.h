// What a server does for the node on its own machine: it runs the agent's process, labels the node, and makes the objects
// that the cluster's DNS is found by.
#pragma once

#include <memory>

#include "daemon/config.h"
#include "daemon/control_plane.h"
#include "daemon/paths.h"
#include "daemon/runtime.h"
#include "daemon/supervisor.h"

namespace sampan::daemon {

class NodeSupport {
 public:
  // Everything is borrowed and outlives it.
  NodeSupport(Runtime& runtime, const ServerConfig& config, const Paths& paths, ControlPlane& control_plane);
  ~NodeSupport();  // after the supervisor stopped its components

  // After the control plane's.
  void AddTo(Supervisor& supervisor);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sampan::daemon
