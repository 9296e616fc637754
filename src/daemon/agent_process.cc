#include "daemon/agent_process.h"

#include <cstring>

#include "base/log.h"
#include "daemon/process.h"
#include "daemon/pulse.h"
#include "os/file.h"

namespace sampan::daemon {
namespace {

constexpr std::string_view kLog = "agent";
constexpr Duration kGrace = std::chrono::seconds(5);
// How long a thread waits for the process before it looks whether it has to insist.
constexpr Duration kLook = std::chrono::seconds(1);

std::string HowItEnded(const os::ExitStatus& status) {
  if (status.code == os::ExitStatus::kUntold) return "ended";
  if (status.signal == 0) return fmt::format("exited with code {}", status.code);
  return fmt::format("was ended by signal {} ({})", status.signal, strsignal(status.signal));
}

}  // namespace

AgentProcess::AgentProcess(Deps deps, std::string program, std::vector<std::string> arguments)
    : deps_(deps), program_(std::move(program)), arguments_(std::move(arguments)) {}

// Null when none runs, or one that had to be ended.
AgentProcess::Process AgentProcess::Adopt() {
  pid_t pid = LockHolder(deps_.paths.agent_lock());
  if (pid == 0) return nullptr;
  auto process = os::Subprocess::Adopt(pid);
  bool fits = process && RunsThisProgram(pid, arguments_) && LockHolder(deps_.paths.agent_lock()) == pid;
  if (fits) {
    LOG_INFO(kLog, "process {} runs already and is taken over", pid);
    return std::make_shared<os::Subprocess>(*std::move(process));
  }
  LOG_INFO(kLog, "process {} was started otherwise and is replaced; containers go on", pid);
  auto ended = EndAgent(deps_.paths);
  if (!ended) LOG_ERROR(kLog, "{}", ended.error());
  return nullptr;
}

Result<AgentProcess::Process> AgentProcess::Start() {
  os::SpawnOptions options;
  options.argv = {program_};
  options.argv.insert(options.argv.end(), arguments_.begin(), arguments_.end());
  options.out = os::Stdio::Inherit();
  options.err = os::Stdio::Inherit();
  options.group = os::ProcessGroup::kOwnSession;
  options.oom_score_adj = -999;  // its containers are what has to go first
  TRY(os::Subprocess process, os::Subprocess::Spawn(options));
  LOG_INFO(kLog, "started process {}", process.pid());
  return std::make_shared<os::Subprocess>(std::move(process));
}

// Blocks until it has ended. One that hangs is ended.
Result<os::ExitStatus> AgentProcess::WaitFor(const Process& process, CancelToken stop) {
  std::optional<MonoTime> asked;
  PulseWatch pulse(deps_.paths.agent_run_lock(), deps_.clock.Monotonic());
  while (true) {
    TRY(std::optional<os::ExitStatus> ended, process->Wait(kLook));
    if (ended) return *ended;
    if (pulse.IsSilent(deps_.clock.Monotonic())) {
      LOG_ERROR(kLog, "process {} does nothing any more and is ended; containers go on", process->pid());
      TRY_VOID(process->Kill(SIGKILL));
    }
    if (!stop.Requested()) continue;
    if (!asked) asked = deps_.clock.Monotonic();
    if (deps_.clock.Monotonic() - *asked >= kGrace) TRY_VOID(process->Kill(SIGKILL));
  }
}

Task<void> AgentProcess::Watch(Process process, CancelToken stop) {
  auto asking = stop.OnCancel([process] { (void)process->Kill(SIGTERM); });
  MonoTime began = deps_.clock.Monotonic();
  auto wait = [this, process, stop] { return WaitFor(process, stop); };
  auto ended = co_await deps_.blocking.Run(std::move(wait));
  std::string how = ended ? HowItEnded(*ended) : ended.error().message();
  if (stop.Requested()) {
    LOG_INFO(kLog, "process {} {}", process->pid(), how);
    co_return;
  }
  Duration pause = delay_.Next(deps_.clock.Monotonic() - began);
  LOG_WARN(kLog, "process {} {}; starting it again in {}", process->pid(), how, FormatDuration(pause));
  co_await deps_.clock.Sleep(pause, stop);
}

Task<void> AgentProcess::Run(CancelToken stop) {
  Process process = co_await deps_.blocking.Run([this] { return Adopt(); });
  while (!stop.Requested() || process != nullptr) {
    if (process != nullptr) {
      co_await Watch(std::exchange(process, nullptr), stop);
      continue;
    }
    auto started = co_await deps_.blocking.Run([this] { return Start(); });
    if (started) {
      process = *std::move(started);
      continue;
    }
    Duration pause = delay_.Next(Duration::zero());
    LOG_ERROR(kLog, "cannot start: {}; trying again in {}", started.error(), FormatDuration(pause));
    co_await deps_.clock.Sleep(pause, stop);
  }
}

Result<void> EndAgent(const Paths& paths) {
  return EndLockHolder(paths.agent_lock(), kGrace);
}

Result<void> CheckRunDirectory(const Paths& paths) {
  pid_t user = LockHolder(paths.agent_run_lock());
  if (user == 0 || user == LockHolder(paths.agent_lock())) return {};
  return Fail(Error::Conflict(
      "{} is used by the agent of another data directory, process {}; end it with `sampan teardown --data-dir` of that "
      "directory, or choose another --run-dir",
      paths.run(), user));
}

}  // namespace sampan::daemon
