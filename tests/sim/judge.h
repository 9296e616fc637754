// What must be true of a cluster in which nothing goes wrong any more. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/types/apps.h"
#include "api/types/core.h"
#include "api/types/discovery.h"
#include "client/typed_ptr.h"

namespace sampan::sim {

template <class T>
using All = std::vector<client::TypedPtr<T>>;

// Everything there is, read at one time.
struct Picture {
  All<api::core::Namespace> namespaces;
  All<api::core::Node> nodes;
  All<api::core::Pod> pods;
  All<api::core::Service> services;
  All<api::core::Endpoints> endpoints;
  All<api::core::ConfigMap> config_maps;
  All<api::core::ServiceAccount> service_accounts;
  All<api::apps::Deployment> deployments;
  All<api::apps::ReplicaSet> replica_sets;
  All<api::discovery::EndpointSlice> slices;
  struct Sandbox {
    std::string node, pod_uid;
    bool ready = false;
    int running = 0;  // containers
  };
  std::vector<Sandbox> sandboxes;  // of all nodes
};

// Each line is one thing that is not as it must be; none when the cluster has converged.
std::vector<std::string> Faulty(const Picture& picture);

}  // namespace sampan::sim
