// A machine of the simulation: the node agent's real parts over a container runtime in memory. The runtime lives on when
// the agent does not.
#pragma once

#include <memory>
#include <string>

#include "async/gate.h"
#include "async/io_loop.h"
#include "async/pool.h"
#include "node/cri/fake_runtime.h"
#include "sim/door.h"
#include "sim/judge.h"

namespace sampan::sim {

class SimNode {
 public:
  struct Deps {
    Executor& executor;
    Clock& clock;
    Rng& rng;
    IoLoops& loops;  // no connection is ever made
    BlockingPool& blocking;
    Door& door;
    Faults& faults;
  };
  SimNode(Deps deps, int number, std::string directory);
  ~SimNode();  // after StopAgent()

  const std::string& name() const { return name_; }
  bool agent_runs() const { return agent_ != nullptr; }
  void StartAgent();
  Task<void> StopAgent();
  // The agent and the servers do not reach each other.
  void SetBroken(bool broken) { *link_ = broken; }

  cri::FakeRuntime& runtime() { return runtime_; }
  // What runs here now.
  Task<void> Describe(std::vector<Picture::Sandbox>* sandboxes);
  std::vector<std::string> PodUids() const { return runtime_.pod_uids(); }

 private:
  struct Agent;
  Deps deps_;
  const std::string name_;
  const std::string directory_;
  Door::Link link_ = std::make_shared<bool>(false);
  cri::FakeRuntime runtime_;
  std::unique_ptr<Agent> agent_;
};

}  // namespace sampan::sim
