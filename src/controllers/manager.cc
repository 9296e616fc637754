#include "controllers/manager.h"

#include "async/contain.h"
#include "async/restart.h"
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

// A controller works once. Those that were lost stay until the end: indexes of the shared caches refer to them.
struct ControllerManager::Kept {
  std::function<std::unique_ptr<Controller>()> make;
  std::vector<std::unique_ptr<Controller>> instances;
  bool fresh = true;  // the newest has not worked so far
};

std::vector<std::string> ControllerNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kEntries) names.emplace_back(entry.name);
  return names;
}

ControllerManager::ControllerManager(client::Client& client, Executor& pool, Clock& clock, Rng& rng, ManagerOptions options)
    : pool_(pool), clock_(clock), informers_(client, pool, clock, rng) {
  World world{client, informers_, pool, clock, rng};
  for (const Entry& entry : kEntries) {
    if (options.disabled.contains(std::string(entry.name))) continue;
    auto kept = std::make_unique<Kept>([make = entry.make, world, options] { return make(world, options); });
    kept->instances.push_back(kept->make());
    if (kept->instances.back() != nullptr) controllers_.push_back(std::move(kept));
  }
}

ControllerManager::~ControllerManager() = default;

Task<void> ControllerManager::RunNewest(Kept* kept, CancelToken stop) {
  if (!kept->fresh) kept->instances.push_back(kept->make());
  kept->fresh = false;
  co_await kept->instances.back()->Run(std::move(stop));
}

Task<void> ControllerManager::RunAll(CancelToken stop) {
  for (const auto& kept : controllers_) {
    auto run = [one = kept.get()](CancelToken until) { return RunNewest(one, std::move(until)); };
    Spawn(pool_, gate_, RunRestarting("controller", &clock_, run, stop));
  }
  LOG_INFO("controllers", "{} controllers started", controllers_.size());
  co_await UntilStopped(stop);
}

Task<void> ControllerManager::End(CancelSource* own) {
  own->Cancel();
  co_await gate_.Close();
  co_await informers_.Stop();
}

Task<void> ControllerManager::Run(CancelToken stop) {
  CancelSource own(stop);
  co_await Finally(RunAll(own.token()), End(&own));
}

}  // namespace sampan::controllers
