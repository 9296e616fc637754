// This process as its neighbours see it: it holds its directories, leaves its pid, and ends when asked.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "os/fd.h"

namespace sampan::daemon {

// Holds `path` exclusively until it is destroyed or the process ends, however it ends. Conflict when another process holds
// it: the message names that process, and `flag` as the way out.
class DirectoryLock {
 public:
  static Result<DirectoryLock> Take(const std::string& path, std::string_view flag);

 private:
  explicit DirectoryLock(os::Fd fd) : fd_(std::move(fd)) {}
  os::Fd fd_;
};

// The process that holds the lock; 0 when none does. Not of a lock that this process holds itself.
pid_t LockHolder(const std::string& path);

// Ends the process that holds the lock: SIGTERM, SIGKILL when it has not ended within `grace`. Done when it has gone; fine
// when nobody holds the lock. Timeout when not even SIGKILL ended it. Blocks.
Result<void> EndLockHolder(const std::string& path, Duration grace);

// Whether `pid` runs this very program with these arguments (argv[0] left out).
bool RunsThisProgram(pid_t pid, const std::vector<std::string>& arguments);
// The file to start this very program by, also after its file was replaced or removed.
std::string OwnProgram();

// Blocks SIGINT and SIGTERM for all threads made afterwards, so that WaitForStopSignal gets them; ignores SIGPIPE.
void PrepareSignals();
// Returns the signal that asks this process to stop.
int WaitForStopSignal();

// As many open files as the hard limit allows: connections, watches and containers' pipes take one each.
void RaiseFileLimit();

}  // namespace sampan::daemon
