// All controllers over one set of shared informers. Cluster view; one process of a cluster runs it at a time
// (client/leader_election.h).
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controllers/common/controller.h"
#include "controllers/nodeipam/nodeipam.h"
#include "controllers/nodelifecycle/nodelifecycle.h"

namespace sampan::controllers {

struct ManagerOptions {
  // Kubernetes' names: "deployment-controller", "replicaset-controller", ... (ControllerNames()).
  std::set<std::string> disabled;
  std::string root_ca_pem;  // published as ConfigMap kube-root-ca.crt in every namespace; empty: not published
  NodeLifecycleOptions node_lifecycle;
  NodeIpamOptions node_ipam;
  int terminated_pod_threshold = 12'500;  // finished pods beyond this are removed, oldest first; 0: none is
};

// Every controller's name, in the order in which they start.
std::vector<std::string> ControllerNames();

// Everything is borrowed and outlives the manager.
class ControllerManager {
 public:
  ControllerManager(client::Client& client, Executor& pool, Clock& clock, Rng& rng, ManagerOptions options = {});
  ~ControllerManager();  // after Run() has returned

  // Works until `stop`; all coroutines and informers have ended when it returns. Called once. A controller that something
  // escapes from is made anew; the others do not notice.
  Task<void> Run(CancelToken stop);

  client::InformerFactory& informers() { return informers_; }

 private:
  struct Kept;
  static Task<void> RunNewest(Kept* kept, CancelToken stop);
  Task<void> RunAll(CancelToken stop);
  Task<void> End(CancelSource* own);

  Executor& pool_;
  Clock& clock_;
  client::InformerFactory informers_;
  std::vector<std::unique_ptr<Kept>> controllers_;
  Gate gate_;
};

}  // namespace sampan::controllers
