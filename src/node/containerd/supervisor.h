// Runs containerd: adopts the one that a former run of Sampan left, or starts one, and starts it again when it ends.
// containerd runs in its own session, so that it and the containers outlive Sampan, however Sampan ends.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/clock.h"
#include "async/pool.h"
#include "node/containerd/config.h"
#include "node/cri/runtime.h"
#include "os/subprocess.h"

namespace sampan::node {

// One strand: Start, then Run. Everything passed in outlives it.
class ContainerdSupervisor {
 public:
  struct Deps {
    Clock& clock;
    BlockingPool& blocking;
    cri::Runtime& runtime;  // connected to the socket of `options.paths`
  };
  ContainerdSupervisor(Deps deps, ContainerdConfigOptions options);
  ~ContainerdSupervisor();

  // Done when the runtime answers and has the pause image. A running containerd with another configuration is replaced;
  // containers go on meanwhile. ServiceUnavailable with the log's place when it does not come up.
  Task<Result<void>> Start(CancelToken stop);

  // Starts containerd again whenever it ends, after 100 ms to 10 s, and ends one that does not answer. Leaves it running
  // when `stop` is requested.
  Task<void> Run(CancelToken stop);

 private:
  Task<Result<void>> Launch();
  Task<Result<void>> WaitReady(CancelToken stop);
  Task<Result<void>> EnsurePauseImage();
  Task<Result<bool>> Alive();
  Task<void> EndIfHung();

  Deps deps_;
  ContainerdConfigOptions options_;
  std::optional<os::Subprocess> child_;  // absent while an adopted one runs
  int64_t adopted_pid_ = 0;
};

// Whether oom_score_adj can be lowered here. Blocks for a few milliseconds.
OomScoreAdj ProbeOomScoreAdj();

// The containerd with this configuration file: the process that its pid file names or that listens on its socket; 0 when
// there is none. Blocks.
int64_t FindContainerd(const Paths& paths);

// Conflict when the socket is another's: of the containerd of another data directory with the same run directory. What it
// is asked would be done to that one's containers. Blocks.
Result<void> CheckContainerdSocket(const Paths& paths);

// Ends containerd and what it leaves: SIGTERM, SIGKILL after 5 s, the shims that serve its socket, mounts below its
// directories. Blocks.
Result<void> StopContainerd(const Paths& paths);

}  // namespace sampan::node
