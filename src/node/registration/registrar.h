// Keeps the Node object: registers it, waits for its pod range, renews its Lease, writes its status.
#pragma once

#include <memory>
#include <string>

#include "async/clock.h"
#include "async/pool.h"
#include "client/typed.h"
#include "node/cri/runtime.h"
#include "node/registration/node_object.h"

namespace sampan::node {

// One strand. What is borrowed outlives it.
class Registrar {
 public:
  struct Deps {
    client::Client& client;
    cri::Runtime& runtime;
    Clock& clock;
    BlockingPool& blocking;
  };
  Registrar(Deps deps, NodeIdentity identity, Machine machine, std::string data_dir);

  // Creates the Node, or brings the one that is there up to date. Tries until it succeeds or `stop`.
  Task<Result<void>> Register(CancelToken stop);

  // The node's pod range, once the cluster's controllers have handed one out: a node may not see which ones others have.
  // What the Node has already, perhaps nothing, when `cluster_cidr` is empty.
  Task<Result<std::string>> EnsurePodCidr(std::string cluster_cidr, CancelToken stop);

  Task<void> RenewLease(CancelToken stop);   // every 10 s
  Task<void> WriteStatus(CancelToken stop);  // every 10 s when it changed, every 5 min anyway

  // Writes the status at once: the network or the runtime has become ready.
  Task<void> WriteStatusNow();

  bool registered() const { return registered_; }
  const api::core::Node& node() const { return *node_; }
  const Pressure& pressure() const { return pressure_; }

 private:
  Task<Result<void>> RegisterOnce();
  Task<Result<std::string>> FindPodCidr(std::string cluster_cidr, CancelToken stop);
  Task<Result<void>> RenewOnce();
  Task<Result<void>> StatusOnce();
  Task<NodeFacts> Facts();

  Deps deps_;
  NodeIdentity identity_;
  Machine machine_;
  std::string data_dir_;
  client::TypedPtr<api::core::Node> node_;
  client::ObjectPtr lease_;
  Pressure pressure_;
  std::string pod_cidr_;  // what the bridge was set up with; empty until then
  std::optional<WallTime> written_;
  bool registered_ = false;
};

}  // namespace sampan::node
