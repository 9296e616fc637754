// kube-scheduler's job: gives every pod that has no node a node. Works against any Kubernetes API server, because it sees
// only client/.
#pragma once

#include <memory>
#include <string>

#include "async/clock.h"
#include "async/executor.h"
#include "async/task.h"
#include "base/rng.h"
#include "client/client.h"
#include "client/informer.h"

namespace sampan::scheduler {

struct SchedulerOptions {
  std::string name = "default-scheduler";  // it schedules pods whose spec.schedulerName is this
  size_t batch = 256;                      // pods tried between looks at new events
  size_t bindings_in_flight = 1024;
};

// An actor: one strand, lifecycle Run() once. Everything passed in is borrowed and outlives it.
class Scheduler {
 public:
  struct Dependencies {
    client::Client& client;
    client::InformerFactory& informers;
    Executor& pool;
    Clock& clock;
    Rng& rng;
  };
  Scheduler(const Dependencies& dependencies, SchedulerOptions options);
  ~Scheduler();

  // Schedules until `stop`; returns once no binding is under way.
  Task<void> Run(CancelToken stop);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sampan::scheduler
