// Keeps `sampan agent` running as a process of its own beside the server, in a session of its own: it outlives a server
// that is killed, and the next server finds it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/clock.h"
#include "async/pool.h"
#include "base/guarded.h"
#include "daemon/paths.h"
#include "daemon/restart_delay.h"
#include "os/subprocess.h"

namespace sampan::daemon {

// One coroutine: Run. What is borrowed outlives it.
class AgentProcess {
 public:
  struct Deps {
    Clock& clock;
    BlockingPool& blocking;
    const Paths& paths;
  };
  // `program` is started with `arguments`; both streams of its output go where this process's go.
  AgentProcess(Deps deps, std::string program, std::vector<std::string> arguments);

  // Takes the running agent over when it is of this program and these arguments, else ends it and starts a new one;
  // starts it again whenever it ends (restart_delay.h), and ends it when it hangs (pulse.h). At `stop`: SIGTERM, SIGKILL
  // when it has not ended in five seconds; returns when it has ended.
  Task<void> Run(CancelToken stop);

 private:
  using Process = std::shared_ptr<os::Subprocess>;
  Process Adopt();
  Result<Process> Start();
  Result<os::ExitStatus> WaitFor(const Process& process, CancelToken stop);
  Task<void> Watch(Process process, CancelToken stop);

  Deps deps_;
  const std::string program_;
  const std::vector<std::string> arguments_;
  RestartDelay delay_;
};

// The agent of this data directory, started by whom ever: SIGTERM, SIGKILL after five seconds. Fine when there is none.
// Blocks.
Result<void> EndAgent(const Paths& paths);

// Conflict when the run directory is in use by the agent of another data directory: the two would share sockets.
Result<void> CheckRunDirectory(const Paths& paths);

}  // namespace sampan::daemon
