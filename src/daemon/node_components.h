// What makes this machine a node: the agent, the service proxy and the cluster's DNS. They see only a client.
#pragma once

#include <memory>

#include "daemon/certificates.h"
#include "daemon/config.h"
#include "daemon/control_plane.h"
#include "daemon/runtime.h"
#include "daemon/supervisor.h"

namespace sampan::daemon {

class NodeComponents {
 public:
  // Everything is borrowed and outlives it.
  NodeComponents(Runtime& runtime, const NodeConfig& config, const Certificates& certificates, ControlPlane& control_plane);
  ~NodeComponents();  // after the supervisor stopped its components

  void AddTo(Supervisor& supervisor);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Ends what a node left on this machine: pods, containerd, interfaces, rules, mounts. With no server running.
Result<void> TearDownNode(const NodeConfig& config);

}  // namespace sampan::daemon
