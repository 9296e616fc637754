#include "controllers/manager.h"

#include "async/spawn.h"
#include "base/log.h"
#include "controllers/deployment/deployment.h"
#include "controllers/endpoints/endpoints.h"
#include "controllers/endpointslice/endpointslice.h"
#include "controllers/endpointslicemirroring/endpointslicemirroring.h"
#include "controllers/garbagecollector/garbagecollector.h"
#include "controllers/namespace/namespace.h"
#include "controllers/nodeipam/nodeipam.h"
#include "controllers/podgc/podgc.h"
#include "controllers/replicaset/replicaset.h"
#include "controllers/serviceaccount/serviceaccount.h"
#include "controllers/serviceaccounttoken/serviceaccounttoken.h"

namespace sampan::controllers {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Controller> (*make)(World world, const ManagerOptions& options);  // null when it has nothing to do
};

// What pods wait for comes first.
constexpr Entry kEntries[] = {
    {"serviceaccount-controller", [](World w, const ManagerOptions&) { return NewServiceAccountController(w); }},
    {"serviceaccount-token-controller",
     [](World w, const ManagerOptions& o) { return NewServiceAccountTokenController(w, o.root_ca_pem); }},
    {"root-ca-certificate-publisher-controller",
     [](World w, const ManagerOptions& o) {
       return o.root_ca_pem.empty() ? nullptr : NewRootCaPublisher(w, o.root_ca_pem);
     }},
    {"node-ipam-controller", [](World w, const ManagerOptions& o) { return NewNodeIpamController(w, o.node_ipam); }},
    {"deployment-controller", [](World w, const ManagerOptions&) { return NewDeploymentController(w); }},
    {"replicaset-controller", [](World w, const ManagerOptions&) { return NewReplicaSetController(w); }},
    {"endpointslice-controller", [](World w, const ManagerOptions&) { return NewEndpointSliceController(w); }},
    {"endpointslice-mirroring-controller",
     [](World w, const ManagerOptions&) { return NewEndpointSliceMirroringController(w); }},
    {"endpoints-controller", [](World w, const ManagerOptions&) { return NewEndpointsController(w); }},
    {"namespace-controller", [](World w, const ManagerOptions&) { return NewNamespaceController(w); }},
    {"garbage-collector-controller", [](World w, const ManagerOptions&) { return NewGarbageCollector(w); }},
    {"node-lifecycle-controller",
     [](World w, const ManagerOptions& o) { return NewNodeLifecycleController(w, o.node_lifecycle); }},
    {"taint-eviction-controller", [](World w, const ManagerOptions&) { return NewTaintEvictionController(w); }},
    {"pod-garbage-collector-controller",
     [](World w, const ManagerOptions& o) { return NewPodGarbageCollector(w, o.terminated_pod_threshold); }},
};

}  // namespace

std::vector<std::string> ControllerNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kEntries) names.emplace_back(entry.name);
  return names;
}

ControllerManager::ControllerManager(client::Client& client, Executor& pool, Clock& clock, Rng& rng, ManagerOptions options)
    : pool_(pool), informers_(client, pool, clock, rng) {
  World world{client, informers_, pool, clock, rng};
  for (const Entry& entry : kEntries) {
    if (options.disabled.contains(std::string(entry.name))) continue;
    std::unique_ptr<Controller> controller = entry.make(world, options);
    if (controller != nullptr) controllers_.push_back(std::move(controller));
  }
}

ControllerManager::~ControllerManager() = default;

Task<void> ControllerManager::Run(CancelToken stop) {
  Gate gate;
  for (const auto& controller : controllers_) Spawn(pool_, gate, controller->Run(stop));
  LOG_INFO("controllers", "{} controllers started", controllers_.size());
  co_await gate.Close();
  co_await informers_.Stop();
}

}  // namespace sampan::controllers
