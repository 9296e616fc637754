// Child processes: CNI plugins, containerd, mounts' helpers, buildah. Every call but Kill may block: coroutines use the
// Task functions below or go through BlockingPool.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/cancel.h"
#include "async/pool.h"
#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "os/fd.h"

namespace sampan::os {

struct Stdio {
  enum class Kind : unsigned char { kNull, kInherit, kPipe, kAppendFile, kFd };
  Kind kind = Kind::kNull;
  std::string path;  // kAppendFile: created 0640; opened for reading when it is the standard input
  int fd = -1;       // kFd: borrowed until Spawn returns

  static Stdio Null() { return {}; }
  static Stdio Inherit() { return {Kind::kInherit, {}, -1}; }
  static Stdio Pipe() { return {Kind::kPipe, {}, -1}; }
  static Stdio File(std::string path) { return {Kind::kAppendFile, std::move(path), -1}; }
  static Stdio FromFd(int fd) { return {Kind::kFd, {}, fd}; }
};

enum class ProcessGroup : unsigned char { kSame, kOwnGroup, kOwnSession };

struct SpawnOptions {
  std::vector<std::string> argv;                // argv[0] is looked up in PATH when it has no slash
  std::optional<std::vector<std::string>> env;  // "KEY=value"; nothing inherits this process's
  std::string cwd;                              // empty inherits
  Stdio in, out, err;
  ProcessGroup group = ProcessGroup::kOwnGroup;
  std::string netns_path;    // enters this network namespace first; empty stays
  std::optional<uid_t> uid;  // with gid; nothing keeps
  std::optional<gid_t> gid;
  std::optional<int> oom_score_adj;  // best effort: lowering needs a capability that may be missing
};

struct ExitStatus {
  int code = 0;    // of exit(); 128 + signal when a signal ended it, as shells say; kUntold of an adopted process
  int signal = 0;  // 0 when it exited by itself
  static constexpr int kUntold = -1;
  bool ok() const { return code == 0; }
};

// One child, or a process that a former run of this program started. Not thread-safe but for Kill. The destructor neither
// kills nor waits; a child that is still running then is reaped by nobody until this process ends, so owners Wait().
class Subprocess {
 public:
  // NotFound when there is no such program, Forbidden when it may not be run. No other descriptors are inherited than
  // 0, 1, 2; signal handlers and masks are the defaults.
  static Result<Subprocess> Spawn(const SpawnOptions& options);
  // A process that is no child of this one. NotFound when there is none with this number; the caller checks afterwards
  // that it is the one it meant. The kernel tells a stranger's end, not its status. Target::kGroup is not for it.
  static Result<Subprocess> Adopt(pid_t pid);

  Subprocess(Subprocess&&) noexcept = default;
  Subprocess& operator=(Subprocess&&) noexcept = default;

  pid_t pid() const { return pid_; }
  // This side of the pipes asked for; empty otherwise. Take them with std::move.
  Fd& in() { return in_; }
  Fd& out() { return out_; }
  Fd& err() { return err_; }

  // Blocks until the child ends; nothing when `timeout` passed first. May be called again, also after the end.
  Result<std::optional<ExitStatus>> Wait(std::optional<Duration> timeout = std::nullopt);

  enum class Target : unsigned char { kProcess, kGroup };  // kGroup needs kOwnGroup or kOwnSession
  // Fine when it has ended. By pidfd: never hits another process that got the same pid.
  Result<void> Kill(int signal, Target target = Target::kProcess);

 private:
  Subprocess() = default;
  pid_t pid_ = -1;
  ProcessGroup group_ = ProcessGroup::kSame;
  Fd pidfd_, in_, out_, err_;
  std::optional<ExitStatus> status_;
};

struct RunResult {
  ExitStatus status;
  std::string out;
  std::string err;
};

struct RunOptions {
  SpawnOptions spawn;  // in, out and err are set by Run
  std::string input;   // written to its standard input, then closed
  std::optional<Duration> timeout;
  size_t max_output = 16 << 20;  // of each stream; more is read and dropped
  CancelToken stop;
};

// Runs to the end and collects what it writes. Timeout when `timeout` or `stop` ended it: the whole group gets SIGKILL.
// A status other than 0 is no error here.
Result<RunResult> Run(RunOptions options);
Result<RunResult> Run(std::vector<std::string> argv, std::string input = {}, std::optional<Duration> timeout = std::nullopt);
// Like Run, but a status other than 0 is InternalError with the last line of its standard error.
Result<std::string> RunForOutput(std::vector<std::string> argv, std::optional<Duration> timeout = std::nullopt);

Task<Result<RunResult>> RunAsync(BlockingPool* pool, RunOptions options);
// Holds one thread of the pool until the child ends. `child` outlives the task.
Task<Result<ExitStatus>> WaitAsync(BlockingPool* pool, Subprocess* child);
// SIGTERM, up to `grace` for it to end, then SIGKILL to the group; waits for the end. `child` outlives the task.
Task<Result<ExitStatus>> StopAsync(BlockingPool* pool, Subprocess* child, Duration grace);

// The program's path as the shell would find it; NotFound.
Result<std::string> FindProgram(const std::string& name);

}  // namespace sampan::os
