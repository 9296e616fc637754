// One life of the process `sampan server` without a node: store, caches, authorization, API server, controllers, scheduler,
// put together as src/daemon does.
#pragma once

#include <memory>
#include <string>

#include "apiserver/auth/auth_system.h"
#include "async/gate.h"
#include "async/io_loop.h"
#include "sim/door.h"
#include "sim/sim_store.h"

namespace sampan::sim {

class ServerProcess {
 public:
  struct Deps {
    Executor& executor;
    Clock& clock;
    Rng& rng;
    IoLoops& loops;  // no connection is ever made
    Door& door;
    const std::string& signing_key_pem;
  };
  ServerProcess(Deps deps, std::unique_ptr<SimStore> store);
  ~ServerProcess();  // after Stop()

  // Serves when it returns.
  Task<Result<void>> Start();
  // As on SIGTERM. After store().Die(): takes down what is left of a killed process.
  Task<void> Stop();

  SimStore& store() { return *store_; }

 private:
  Task<void> RunControllers();
  Task<void> RunScheduler();
  Task<Result<void>> StartParts();

  Deps deps_;
  std::unique_ptr<SimStore> store_;
  std::optional<store::CacheSet> caches_;
  std::unique_ptr<apiserver::auth::AuthSystem> auth_;
  std::optional<apiserver::ApiServer> api_;
  std::unique_ptr<client::Client> root_;
  std::shared_ptr<Door::Life> life_;  // since it serves
  CancelSource stop_;
  bool caches_stopped_ = false;
  Gate starting_;
  Gate components_;
};

}  // namespace sampan::sim
