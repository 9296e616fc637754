#include "node/containerd/supervisor.h"

#include <signal.h>
#include <sys/stat.h>

#include <charconv>
#include <thread>

#include "async/contain.h"
#include "base/log.h"
#include "node/images/pause_image.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/proc.h"
#include "os/unix_socket.h"

namespace sampan::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kLog = "containerd";
// Whether it lives is looked at every second, whether it answers this much less often.
constexpr int kRoundsBetweenCalls = 15;

bool ProcessExists(int64_t pid) {
  auto stat = os::ReadFile(fmt::format("/proc/{}/stat", pid), os::kKernelFileLimit);
  if (!stat) return false;
  // "pid (name) Z ...": a zombie has ended.
  size_t close = stat->rfind(')');
  return close != std::string::npos && close + 2 < stat->size() && (*stat)[close + 2] != 'Z';
}

std::string CommandLine(int64_t pid) {
  return os::ReadFile(fmt::format("/proc/{}/cmdline", pid), os::kKernelFileLimit).value_or("");
}

bool RunsWith(int64_t pid, const Paths& paths) {
  return CommandLine(pid).find('\0' + paths.ContainerdConfig() + '\0') != std::string::npos;
}

// Polls until the process has ended; false when `timeout` passed first.
bool WaitGone(int64_t pid, Duration timeout) {
  for (Duration waited{0}; waited < timeout; waited += milliseconds(20)) {
    if (!ProcessExists(pid)) return true;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return !ProcessExists(pid);
}

void EndProcess(int64_t pid) {
  kill(static_cast<pid_t>(pid), SIGTERM);
  if (!WaitGone(pid, seconds(5))) {
    kill(static_cast<pid_t>(pid), SIGKILL);
    WaitGone(pid, seconds(5));
  }
}

struct Prepared {
  int64_t running_pid = 0;  // to adopt
};

// Writes the configuration; ends a running containerd that was started with another one.
Result<Prepared> Prepare(const ContainerdConfigOptions& options) {
  const Paths& paths = options.paths;
  TRY_VOID(os::MakeDirs(paths.Containerd() + "/root", 0711));
  TRY_VOID(os::MakeDirs(paths.ContainerdState(), 0711));
  TRY_VOID(os::MakeDirs(options.cni_conf_dir));
  TRY_VOID(CheckContainerdSocket(paths));
  std::string text = ContainerdConfigText(options);
  bool same = os::ReadFile(paths.ContainerdConfig(), os::kConfigFileLimit).value_or("") == text;
  Prepared prepared{FindContainerd(paths)};
  if (same) return prepared;
  TRY_VOID(os::WriteFileAtomic(paths.ContainerdConfig(), text));
  if (prepared.running_pid != 0) {
    LOG_INFO(kLog, "configuration changed: replacing process {}", prepared.running_pid);
    EndProcess(prepared.running_pid);
    prepared.running_pid = 0;
  }
  return prepared;
}

// A log that outgrew 16 MB starts anew; the old one is kept beside it.
void TrimLog(const std::string& path) {
  auto stat = os::Stat(path);
  if (stat && stat->size > (16u << 20)) (void)os::Rename(path, path + ".1");
}

Result<os::Subprocess> Spawn(const Paths& paths) {
  TrimLog(paths.ContainerdLog());
  os::SpawnOptions spawn;
  spawn.argv = {"containerd", "--config", paths.ContainerdConfig()};
  spawn.out = os::Stdio::File(paths.ContainerdLog());
  spawn.err = os::Stdio::File(paths.ContainerdLog());
  spawn.group = os::ProcessGroup::kOwnSession;
  spawn.oom_score_adj = -999;
  TRY(os::Subprocess child, os::Subprocess::Spawn(spawn));
  TRY_VOID(os::WriteFileAtomic(paths.ContainerdPid(), std::to_string(child.pid()) + "\n", {.sync = os::Sync::kNo}));
  return child;
}

}  // namespace

OomScoreAdj ProbeOomScoreAdj() {
  auto done = os::Run({"/bin/sh", "-c", "echo -998 > /proc/self/oom_score_adj"}, {}, seconds(5));
  return done && done->status.ok() ? OomScoreAdj::kFree : OomScoreAdj::kRestricted;
}

int64_t FindContainerd(const Paths& paths) {
  // A number in a file may have been given to another process since, and the file may be lost.
  auto ours = [&](int64_t pid) { return pid > 1 && ProcessExists(pid) && RunsWith(pid, paths); };
  int64_t pid = 0;
  std::string text = os::ReadFile(paths.ContainerdPid(), os::kConfigFileLimit).value_or("");
  std::from_chars(text.data(), text.data() + text.size(), pid);
  if (ours(pid)) return pid;
  pid = os::ListenerOf(paths.ContainerdSocket()).value_or(0);
  return ours(pid) ? pid : 0;
}

Result<void> CheckContainerdSocket(const Paths& paths) {
  auto listener = os::ListenerOf(paths.ContainerdSocket());
  if (!listener || RunsWith(*listener, paths)) return {};
  return Fail(
      Error::Conflict("{} is served by process {}, which is no containerd of {}; end it with `sampan teardown "
                      "--data-dir` of its directory, or choose another --run-dir",
                      paths.ContainerdSocket(), *listener, paths.data));
}

Result<void> StopContainerd(const Paths& paths) {
  if (int64_t pid = FindContainerd(paths); pid != 0) EndProcess(pid);
  // What is left below the run directory is another's.
  if (!CheckContainerdSocket(paths)) return os::RemoveFile(paths.ContainerdPid());
  auto pids = os::ListPids();
  for (pid_t pid : pids.value_or(std::vector<pid_t>())) {
    std::string command = CommandLine(pid);
    if (command.find("containerd-shim") != std::string::npos &&
        command.find(paths.ContainerdSocket()) != std::string::npos) {
      kill(pid, SIGKILL);
      WaitGone(pid, seconds(2));
    }
  }
  TRY_VOID(os::UnmountAll(paths.run + "/containerd"));
  TRY_VOID(os::UnmountAll(paths.Containerd()));
  TRY_VOID(os::RemoveAll(paths.run + "/containerd"));
  return os::RemoveFile(paths.ContainerdPid());
}

ContainerdSupervisor::ContainerdSupervisor(Deps deps, ContainerdConfigOptions options)
    : deps_(deps), options_(std::move(options)) {}
ContainerdSupervisor::~ContainerdSupervisor() = default;

Task<Result<void>> ContainerdSupervisor::Start(CancelToken stop) {
  auto prepare = [options = options_] { return Prepare(options); };
  CO_TRY(Prepared prepared, co_await deps_.blocking.Run(std::move(prepare)));
  adopted_pid_ = prepared.running_pid;
  if (adopted_pid_ != 0) {
    LOG_INFO(kLog, "adopted process {}", adopted_pid_);
  } else {
    CO_TRY_VOID(co_await Launch());
  }
  CO_TRY_VOID(co_await WaitReady(stop));
  co_return co_await EnsurePauseImage();
}

Task<Result<void>> ContainerdSupervisor::Launch() {
  auto spawn = [paths = options_.paths] { return Spawn(paths); };
  CO_TRY(os::Subprocess child, co_await deps_.blocking.Run(std::move(spawn)));
  LOG_INFO(kLog, "started process {}, log {}", child.pid(), options_.paths.ContainerdLog());
  child_ = std::move(child);
  adopted_pid_ = 0;
  co_return Result<void>();
}

Task<Result<void>> ContainerdSupervisor::WaitReady(CancelToken stop) {
  const MonoTime deadline = deps_.clock.Monotonic() + seconds(30);
  while (true) {
    auto conditions = co_await deps_.runtime.Status();
    if (conditions) co_return Result<void>();
    Result<bool> alive = co_await Alive();
    if (!alive.value_or(true) || deps_.clock.Monotonic() > deadline) {
      co_return Fail(Error::ServiceUnavailable("containerd does not come up ({}); see {}", conditions.error(),
                                               options_.paths.ContainerdLog()));
    }
    bool slept = co_await deps_.clock.Sleep(milliseconds(20), stop);
    if (!slept) co_return Fail(Error::Timeout("stopped while containerd was starting"));
  }
}

Task<Result<void>> ContainerdSupervisor::EnsurePauseImage() {
  if (options_.sandbox_image != kPauseImage) co_return Result<void>();
  CO_TRY(std::optional<cri::Image> image, co_await deps_.runtime.FindImage(std::string(kPauseImage)));
  if (image) co_return Result<void>();
  auto import = [paths = options_.paths]() -> Result<void> {
    TRY_VOID(os::WriteFileAtomic(paths.PauseTar(), PauseImageTar(), {.sync = os::Sync::kNo}));
    TRY_VOID(os::RunForOutput(
        {"ctr", "--address", paths.ContainerdSocket(), "--namespace", "k8s.io", "images", "import", paths.PauseTar()},
        seconds(60)));
    return os::RemoveFile(paths.PauseTar());
  };
  CO_TRY_VOID(co_await deps_.blocking.Run(std::move(import)));
  // The runtime learns of the import from an event.
  for (int attempt = 0; attempt < 250; ++attempt) {
    CO_TRY(image, co_await deps_.runtime.FindImage(std::string(kPauseImage)));
    if (image) co_return Result<void>();
    co_await deps_.clock.Sleep(milliseconds(20));
  }
  co_return Fail(Error::ServiceUnavailable("the runtime does not see the imported image {}", kPauseImage));
}

Task<Result<bool>> ContainerdSupervisor::Alive() {
  if (child_) {
    auto ended = co_await deps_.blocking.Run([child = &*child_] { return child->Wait(Duration(0)); });
    co_return ended.has_value() && !ended->has_value();
  }
  co_return co_await deps_.blocking.Run([pid = adopted_pid_] { return ProcessExists(pid); });
}

// Alive and silent to a call's deadline: it hangs, or somebody stopped it.
Task<void> ContainerdSupervisor::EndIfHung() {
  auto version = co_await deps_.runtime.Version();
  if (version || !version.error().Is(Reason::kTimeout)) co_return;
  int64_t pid = child_ ? child_->pid() : adopted_pid_;
  LOG_ERROR(kLog, "process {} does not answer and is ended; containers go on", pid);
  co_await deps_.blocking.Run([pid] { EndProcess(pid); });
}

Task<void> ContainerdSupervisor::Run(CancelToken stop) {
  Duration pause = milliseconds(100);
  MonoTime started = deps_.clock.Monotonic();
  int round = 0;
  while (true) {
    bool slept = co_await deps_.clock.Sleep(seconds(1), stop);
    if (!slept) co_return;
    Result<bool> alive = co_await Contained("containerd supervision", Alive());
    if (alive.value_or(true)) {
      if (++round % kRoundsBetweenCalls == 0) (void)co_await Contained("containerd supervision", EndIfHung());
      continue;
    }
    if (deps_.clock.Monotonic() - started > seconds(60)) pause = milliseconds(100);
    LOG_WARN(kLog, "ended; starting it again in {}", FormatDuration(pause));
    slept = co_await deps_.clock.Sleep(pause, stop);
    if (!slept) co_return;
    pause = std::min<Duration>(pause * 2, seconds(10));
    started = deps_.clock.Monotonic();
    Result<void> launched = co_await Contained("containerd supervision", Launch());
    if (!launched) LOG_ERROR(kLog, "cannot start: {}", launched.error());
  }
}

}  // namespace sampan::node
