// How a process that may hang shows that it works, and how another one sees that it does not: the time of a file, which
// takes no room on a disk that is full.
#pragma once

#include <string>
#include <vector>

#include "async/cancel.h"
#include "async/clock.h"
#include "async/executor.h"
#include "async/pool.h"
#include "async/task.h"

namespace sampan::daemon {

// Touches `file`, which exists, every five seconds, each time after all of `executors` have done a job, until `stop`. What
// is borrowed outlives it.
Task<void> ShowPulse(Clock* clock, BlockingPool* blocking, std::string file, std::vector<Executor*> executors,
                     CancelToken stop);

// For one process, from when it was started.
class PulseWatch {
 public:
  PulseWatch(std::string file, MonoTime now) : file_(std::move(file)), since_(now) {}
  // Whether the file has not been touched for a minute. A file that cannot be looked at tells nothing. Blocks.
  bool IsSilent(MonoTime now);

 private:
  const std::string file_;
  int64_t seen_ = 0;  // the file's time
  MonoTime since_;    // when it was first seen
};

}  // namespace sampan::daemon
