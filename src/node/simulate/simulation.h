// Simulated nodes: they register, keep their Leases and answer for their pods through the ordinary API, and run nothing.
// For sizing a cluster and its control plane before the machines are bought (`sampan simulate --nodes N`).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "async/clock.h"
#include "async/executor.h"
#include "async/task.h"
#include "client/client.h"
#include "client/informer.h"

namespace sampan::node {

struct SimulationOptions {
  int64_t nodes = 10;
  std::string name_prefix = "simulated";  // node names are PREFIX-0, PREFIX-1, ...
  std::string cpu = "32";
  std::string memory = "64Gi";
  int64_t max_pods = 110;
  Duration lease_period = std::chrono::seconds(10);
  Duration pod_start_delay{0};  // from binding to Ready
  size_t requests_in_flight = 64;
};

// What has happened so far.
struct SimulationCounts {
  int64_t nodes = 0;
  int64_t pods_started = 0;
  int64_t pods_removed = 0;
  int64_t failures = 0;  // requests that failed; they are tried again
};

// An actor: one strand, Run() once. Everything passed in is borrowed and outlives it.
class Simulation {
 public:
  struct Dependencies {
    client::Client& client;
    client::InformerFactory& informers;
    Executor& pool;
    Clock& clock;
  };
  Simulation(const Dependencies& dependencies, SimulationOptions options);
  ~Simulation();

  // Registers the nodes, then plays them until `stop`; then removes them again.
  Task<Result<void>> Run(CancelToken stop);
  SimulationCounts counts() const;  // any thread

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sampan::node
