#include "daemon/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>

#include "os/file.h"
#include "os/subprocess.h"

namespace sampan::daemon {
namespace {

constexpr char kOwnExecutable[] = "/proc/self/exe";
constexpr Duration kKillTime = std::chrono::seconds(5);

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

struct flock WholeFile() {
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return whole;
}

bool SameFile(const std::string& a, const std::string& b) {
  auto one = os::Stat(a);
  auto other = os::Stat(b);
  return one && other && one->inode == other->inode && one->device == other->device;
}

}  // namespace

Result<DirectoryLock> DirectoryLock::Take(const std::string& path, std::string_view flag) {
  os::Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) return Fail(Error::Errno(errno, path));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    pid_t holder = LockHolder(path);
    std::string who = holder == 0 ? "another sampan" : fmt::format("another sampan, process {}", holder);
    return Fail(Error::Conflict("{} is held by {}; stop it, or choose another {}", path, who, flag));
  }
  // Locks of this second kind tell who holds them.
  struct flock whole = WholeFile();
  if (fcntl(fd.get(), F_SETLK, &whole) != 0) return Fail(Error::Errno(errno, path));
  return DirectoryLock(std::move(fd));
}

pid_t LockHolder(const std::string& path) {
  os::Fd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct flock whole = WholeFile();
  if (fd.get() < 0 || fcntl(fd.get(), F_GETLK, &whole) != 0 || whole.l_type == F_UNLCK) return 0;
  return whole.l_pid;
}

Result<void> EndLockHolder(const std::string& path, Duration grace) {
  pid_t pid = LockHolder(path);
  if (pid == 0) return {};
  auto process = os::Subprocess::Adopt(pid);
  if (!process && process.error().Is(Reason::kNotFound)) return {};
  if (!process) return Fail(process.error());
  // The number may have gone to another process before it was adopted.
  if (LockHolder(path) != pid) return {};
  TRY_VOID(process->Kill(SIGTERM));
  TRY(std::optional<os::ExitStatus> ended, process->Wait(grace));
  if (ended) return {};
  TRY_VOID(process->Kill(SIGKILL));
  TRY(ended, process->Wait(kKillTime));
  if (!ended) return Fail(Error::Timeout("process {}, which holds {}, does not end", pid, path));
  return {};
}

bool RunsThisProgram(pid_t pid, const std::vector<std::string>& arguments) {
  auto line = os::ReadFile(fmt::format("/proc/{}/cmdline", pid), os::kKernelFileLimit);
  if (!line || !SameFile(fmt::format("/proc/{}/exe", pid), kOwnExecutable)) return false;
  std::string wanted;
  for (const std::string& argument : arguments) wanted += argument + '\0';
  size_t first = line->find('\0');
  return first != std::string::npos && std::string_view(*line).substr(first + 1) == wanted;
}

std::string OwnProgram() {
  auto path = os::ReadSymlink(kOwnExecutable);
  return path && SameFile(*path, kOwnExecutable) ? *path : kOwnExecutable;
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
