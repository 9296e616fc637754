#include "daemon/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>

namespace sampan::daemon {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Result<DirectoryLock> DirectoryLock::Take(const std::string& path) {
  os::Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) return Fail(Error::Errno(errno, path));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Fail(Error::Conflict("{} is held by another sampan; stop it, or choose another --data-dir", path));
  }
  return DirectoryLock(std::move(fd));
}

void PrepareSignals() {
  sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int WaitForStopSignal() {
  sigset_t set = StopSignals();
  int received = 0;
  sigwait(&set, &received);
  return received;
}

void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace sampan::daemon
