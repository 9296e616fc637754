// This process as its neighbours see it: it holds its data directory, leaves its pid, and ends when asked.
#pragma once

#include <string>

#include "async/cancel.h"
#include "base/error.h"
#include "os/fd.h"

namespace sampan::daemon {

// Holds `path` exclusively until it is destroyed or the process ends, however it ends. Conflict when another process holds
// it.
class DirectoryLock {
 public:
  static Result<DirectoryLock> Take(const std::string& path);

 private:
  explicit DirectoryLock(os::Fd fd) : fd_(std::move(fd)) {}
  os::Fd fd_;
};

// Blocks SIGINT and SIGTERM for all threads made afterwards, so that WaitForStopSignal gets them; ignores SIGPIPE.
void PrepareSignals();
// Returns the signal that asks this process to stop.
int WaitForStopSignal();

// As many open files as the hard limit allows: connections, watches and containers' pipes take one each.
void RaiseFileLimit();

}  // namespace sampan::daemon
