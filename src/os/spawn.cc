// Subprocess: starting, waiting for and killing one child.
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "os/errno.h"
#include "os/file.h"
#include "os/subprocess.h"

extern char** environ;

namespace sampan::os {

namespace {

// All the child needs, prepared before it exists: between vfork and exec it shares this process's memory, so it makes
// system calls and nothing else.
struct ChildPlan {
  const char* program;
  char* const* argv;
  char* const* env;
  const char* cwd;  // null stays
  int stdio[3];
  int netns;             // -1 stays
  const char* oom_text;  // for /proc/self/oom_score_adj; null: untouched
  int report;            // where failures are told, above 2
  ProcessGroup group;
  bool set_uid, set_gid;
  uid_t uid;
  gid_t gid;
  sigset_t mask;
};

// What the child reports through a pipe that exec closes. (Sanitizers turn vfork into fork, so shared memory is no way.)
struct ChildFailure {
  int error_number = 0;
  const char* step = nullptr;  // a literal or a string of the plan: the same address on both sides
};

[[noreturn]] void Give(const ChildPlan& plan, const char* step) {
  ChildFailure failure{errno, step};
  (void)!::write(plan.report, &failure, sizeof failure);
  ::_exit(127);
}

void ResetSignals(const sigset_t& mask) {
  struct sigaction reset = {};
  reset.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &reset, nullptr);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
}

// Descriptors go above 2 first: a plan may want this process's 1 as the child's 0.
void PlaceStdio(const ChildPlan& plan) {
  int high[3];
  for (int i = 0; i < 3; ++i) {
    high[i] = ::fcntl(plan.stdio[i], F_DUPFD, 3);
    if (high[i] < 0) Give(plan, "dup");
  }
  for (int i = 0; i < 3; ++i) {
    if (::dup2(high[i], i) < 0) Give(plan, "dup2");
  }
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
}

[[noreturn]] void RunChild(const ChildPlan& plan) {
  ResetSignals(plan.mask);
  if (plan.group == ProcessGroup::kOwnSession && ::setsid() < 0) Give(plan, "setsid");
  if (plan.group == ProcessGroup::kOwnGroup && ::setpgid(0, 0) < 0) Give(plan, "setpgid");
  if (plan.oom_text != nullptr) {
    int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0) (void)!::write(file, plan.oom_text, ::strlen(plan.oom_text));
  }
  if (plan.netns >= 0 && ::setns(plan.netns, CLONE_NEWNET) != 0) Give(plan, "setns");
  if (plan.cwd != nullptr && ::chdir(plan.cwd) != 0) Give(plan, plan.cwd);
  PlaceStdio(plan);
  // Raw calls: the library's change the ids of every thread, and here those are the parent's.
  if (plan.set_gid && (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setgid, plan.gid) != 0)) {
    Give(plan, "setgid");
  }
  if (plan.set_uid && ::syscall(SYS_setuid, plan.uid) != 0) Give(plan, "setuid");
  ::execve(plan.program, plan.argv, plan.env);
  Give(plan, plan.program);
}

// Signals are blocked around it: a handler run by the child would run on the parent's stack and data.
__attribute__((noinline)) pid_t StartChild(ChildPlan& plan) {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &plan.mask);
  sigset_t before = plan.mask;
  ::sigemptyset(&plan.mask);
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
  pid_t pid = ::vfork();
#pragma clang diagnostic pop
  if (pid == 0) RunChild(plan);
  int error_number = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error_number;
  return pid;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct Pipe {
  Fd read, write;
};

// Both ends above 2, whatever this process has closed.
Result<Pipe> OpenPipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Fail(LastError("pipe"));
  Pipe low{Fd(ends[0]), Fd(ends[1])};
  Pipe pipe{Fd(::fcntl(ends[0], F_DUPFD_CLOEXEC, 3)), Fd(::fcntl(ends[1], F_DUPFD_CLOEXEC, 3))};
  if (!pipe.read || !pipe.write) return Fail(LastError("pipe"));
  return pipe;
}

struct OpenedStdio {
  Fd child;   // empty when `number` is not ours to close
  Fd parent;  // the other side of a pipe
  int number = -1;
};

Result<OpenedStdio> OpenStdio(const Stdio& stdio, int index) {
  OpenedStdio opened;
  bool input = index == 0;
  switch (stdio.kind) {
    case Stdio::Kind::kInherit:
      opened.number = index;
      return opened;
    case Stdio::Kind::kFd:
      opened.number = stdio.fd;
      return opened;
    case Stdio::Kind::kNull:
      opened.child = Fd(::open("/dev/null", (input ? O_RDONLY : O_WRONLY) | O_CLOEXEC));
      break;
    case Stdio::Kind::kAppendFile:
      opened.child = Fd(::open(stdio.path.c_str(), (input ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND) | O_CLOEXEC, 0640));
      break;
    case Stdio::Kind::kPipe: {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) return Fail(LastError("pipe"));
      opened.child = Fd(ends[input ? 0 : 1]);
      opened.parent = Fd(ends[input ? 1 : 0]);
      break;
    }
  }
  if (!opened.child) return Fail(LastError(stdio.path.empty() ? "/dev/null" : stdio.path));
  opened.number = opened.child.get();
  return opened;
}

int OpenPidfd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

ExitStatus StatusOf(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status};
  return {.code = 128 + info.si_status, .signal = info.si_status};
}

}  // namespace

Result<Subprocess> Subprocess::Spawn(const SpawnOptions& options) {
  if (options.argv.empty()) return Fail(Error::BadRequest("a program to run is missing"));
  TRY(std::string program, FindProgram(options.argv[0]));
  std::array<OpenedStdio, 3> stdio;
  const Stdio* wanted[3] = {&options.in, &options.out, &options.err};
  for (int i = 0; i < 3; ++i) {
    TRY(stdio[i], OpenStdio(*wanted[i], i));
  }
  Fd netns;
  if (!options.netns_path.empty()) {
    netns = Fd(::open(options.netns_path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!netns) return Fail(LastError(options.netns_path));
  }
  std::vector<char*> argv = Pointers(options.argv);
  std::vector<char*> env;
  if (options.env) env = Pointers(*options.env);
  TRY(Pipe report, OpenPipe());
  std::string oom_text = options.oom_score_adj ? std::to_string(*options.oom_score_adj) : "";
  ChildPlan plan{.program = program.c_str(),
                 .argv = argv.data(),
                 .env = options.env ? env.data() : environ,
                 .cwd = options.cwd.empty() ? nullptr : options.cwd.c_str(),
                 .stdio = {stdio[0].number, stdio[1].number, stdio[2].number},
                 .netns = netns.get(),
                 .oom_text = options.oom_score_adj ? oom_text.c_str() : nullptr,
                 .report = report.write.get(),
                 .group = options.group,
                 .set_uid = options.uid.has_value(),
                 .set_gid = options.gid.has_value(),
                 .uid = options.uid.value_or(0),
                 .gid = options.gid.value_or(0),
                 .mask = {}};
  pid_t pid = StartChild(plan);
  if (pid < 0) return Fail(LastError("vfork"));
  report.write.Reset();
  ChildFailure failure;
  if (::read(report.read.get(), &failure, sizeof failure) == sizeof failure) {
    ::waitpid(pid, nullptr, 0);
    return Fail(ErrnoError(failure.error_number, failure.step));
  }
  Subprocess child;
  child.pid_ = pid;
  child.group_ = options.group;
  child.pidfd_ = Fd(OpenPidfd(pid));
  if (!child.pidfd_) {
    Error error = LastError("pidfd_open");
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return Fail(std::move(error));
  }
  child.in_ = std::move(stdio[0].parent);
  child.out_ = std::move(stdio[1].parent);
  child.err_ = std::move(stdio[2].parent);
  return child;
}

Result<Subprocess> Subprocess::Adopt(pid_t pid) {
  Subprocess process;
  process.pid_ = pid;
  process.pidfd_ = Fd(OpenPidfd(pid));
  if (!process.pidfd_) return Fail(LastError(fmt::format("process {}", pid)));
  return process;
}

Result<std::optional<ExitStatus>> Subprocess::Wait(std::optional<Duration> timeout) {
  if (status_) return status_;
  MonoTime deadline = std::chrono::steady_clock::now() + timeout.value_or(Duration::zero());
  while (true) {
    int wait = -1;
    if (timeout) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      wait = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30));
    }
    pollfd ready{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    int count = ::poll(&ready, 1, wait);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Fail(LastError("poll"));
    if (count == 0) return std::optional<ExitStatus>();
    siginfo_t info = {};
    if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0) {
      if (errno == EINTR) continue;
      if (errno != ECHILD) return Fail(LastError("waitid"));
      status_ = ExitStatus{.code = ExitStatus::kUntold};
      return status_;
    }
    status_ = StatusOf(info);
    return status_;
  }
}

Result<void> Subprocess::Kill(int signal, Target target) {
  int failed;
  if (target == Target::kGroup && group_ != ProcessGroup::kSame) {
    // The group's number is taken as long as a member lives, even after the leader was reaped.
    failed = ::kill(-pid_, signal);
  } else {
    failed = static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0));
  }
  if (failed != 0 && errno != ESRCH) return Fail(LastError(fmt::format("kill {}", pid_)));
  return {};
}

Result<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != name.npos) return name;
  const char* variable = ::getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  while (!path.empty()) {
    size_t colon = path.find(':');
    std::string candidate = JoinPath(path.substr(0, colon), name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    path.remove_prefix(colon == path.npos ? path.size() : colon + 1);
  }
  return Fail(Error::NotFound("program {} is not in PATH", name));
}

}  // namespace sampan::os
