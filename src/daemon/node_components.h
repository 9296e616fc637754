// What makes this machine a node: the agent, the service proxy and the cluster's DNS. They see only a client, and all are
// the node: system:node:NAME.
#pragma once

#include <memory>
#include <vector>

#include "client/kubeconfig.h"
#include "daemon/config.h"
#include "daemon/runtime.h"
#include "daemon/supervisor.h"

namespace sampan::daemon {

class NodeComponents {
 public:
  // What is borrowed outlives it. `access` says where the API is and who the node is.
  NodeComponents(Runtime& runtime, const NodeConfig& config, client::ClientConfig access);
  ~NodeComponents();  // after the supervisor stopped its components

  void AddTo(Supervisor& supervisor);
  // All that hangs when the node hangs. They live as long as this.
  std::vector<Executor*> executors() const;

  // The node's certificate was renewed, or the API has moved: what is asked and served from now on goes by it. Between the
  // supervisor's start and its stop.
  Task<Result<void>> SetAccess(client::ClientConfig access);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The address of the cluster's DNS.
std::string DnsAddress(const NodeConfig& config);

// Ends what a node left on this machine: pods, containerd, interfaces, rules, mounts. With no agent running.
Result<void> TearDownNode(const NodeConfig& config);

}  // namespace sampan::daemon
