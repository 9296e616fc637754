// Run: a child from start to end with its input and outputs, and the coroutine forms.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "os/errno.h"
#include "os/subprocess.h"

namespace sampan::os {

namespace {

// A child that ends without reading its input must not end this process: holds SIGPIPE back on this thread.
class SigpipeHeld {
 public:
  SigpipeHeld() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeHeld() {
    timespec now = {};
    if (::sigismember(&before_, SIGPIPE) == 0) {
      while (::sigtimedwait(&pipe_, nullptr, &now) == SIGPIPE) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeHeld(const SigpipeHeld&) = delete;

 private:
  sigset_t pipe_, before_;
};

// Moves bytes between the three pipes until both outputs end, the deadline passes or `stop` fires.
class Pump {
 public:
  Pump(Subprocess& child, const RunOptions& options, RunResult& result)
      : child_(child), options_(options), result_(result), input_(options.input) {}

  // False when it was cut short.
  Result<bool> Move();

 private:
  enum Slot { kIn, kOut, kErr, kStop, kSlots };
  int MillisecondsLeft(MonoTime deadline) const;
  void Read(Fd& fd, std::string& text);
  void Write();

  Subprocess& child_;
  const RunOptions& options_;
  RunResult& result_;
  std::string_view input_;
};

int Pump::MillisecondsLeft(MonoTime deadline) const {
  if (!options_.timeout) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30));
}

void Pump::Read(Fd& fd, std::string& text) {
  char buffer[16384];
  ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) {
    fd.Reset();
    return;
  }
  text.append(buffer, std::min<size_t>(static_cast<size_t>(got), options_.max_output - text.size()));
}

void Pump::Write() {
  ssize_t written = ::write(child_.in().get(), input_.data(), input_.size());
  if (written < 0 && (errno == EINTR || errno == EAGAIN)) return;
  // A child that does not read its input to the end (EPIPE) is no error.
  input_.remove_prefix(written < 0 ? input_.size() : static_cast<size_t>(written));
  if (input_.empty()) child_.in().Reset();
}

Result<bool> Pump::Move() {
  // Shared: a callback that already runs is not waited for when the subscription ends.
  auto stop = std::make_shared<const Fd>(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!*stop) return Fail(LastError("eventfd"));
  auto subscription = options_.stop.OnCancel([stop] { (void)::eventfd_write(stop->get(), 1); });
  SigpipeHeld held;
  MonoTime deadline = std::chrono::steady_clock::now() + options_.timeout.value_or(Duration::zero());
  if (input_.empty()) child_.in().Reset();
  if (child_.in()) ::fcntl(child_.in().get(), F_SETFL, O_NONBLOCK);
  while (child_.out() || child_.err()) {
    pollfd fds[kSlots] = {{child_.in().get(), POLLOUT, 0},
                          {child_.out().get(), POLLIN, 0},
                          {child_.err().get(), POLLIN, 0},
                          {stop->get(), POLLIN, 0}};
    int count = ::poll(fds, kSlots, MillisecondsLeft(deadline));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Fail(LastError("poll"));
    if (count == 0 || fds[kStop].revents != 0) return false;
    if (fds[kIn].revents != 0) Write();
    if (fds[kOut].revents != 0) Read(child_.out(), result_.out);
    if (fds[kErr].revents != 0) Read(child_.err(), result_.err);
  }
  if (options_.stop.Requested()) return false;
  std::optional<Duration> left;
  if (options_.timeout) left = std::max(Duration::zero(), Duration(deadline - std::chrono::steady_clock::now()));
  TRY(std::optional<ExitStatus> status, child_.Wait(left));
  return status.has_value();
}

std::string_view LastLine(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  size_t newline = text.rfind('\n');
  return newline == text.npos ? text : text.substr(newline + 1);
}

}  // namespace

Result<RunResult> Run(RunOptions options) {
  options.spawn.in = options.input.empty() ? Stdio::Null() : Stdio::Pipe();
  options.spawn.out = Stdio::Pipe();
  options.spawn.err = Stdio::Pipe();
  if (options.spawn.group == ProcessGroup::kSame) options.spawn.group = ProcessGroup::kOwnGroup;
  TRY(Subprocess child, Subprocess::Spawn(options.spawn));
  RunResult result;
  Result<bool> finished = Pump(child, options, result).Move();
  if (!finished || !*finished) {
    TRY_VOID(child.Kill(SIGKILL, Subprocess::Target::kGroup));
    TRY_VOID(child.Wait());
    if (!finished) return Fail(finished.error());
    return Fail(Error::Timeout("{} did not finish in time", options.spawn.argv[0]));
  }
  TRY(std::optional<ExitStatus> status, child.Wait());
  result.status = *status;
  return result;
}

Result<RunResult> Run(std::vector<std::string> argv, std::string input, std::optional<Duration> timeout) {
  RunOptions options;
  options.spawn.argv = std::move(argv);
  options.input = std::move(input);
  options.timeout = timeout;
  return Run(std::move(options));
}

Result<std::string> RunForOutput(std::vector<std::string> argv, std::optional<Duration> timeout) {
  std::string name = argv.empty() ? "" : argv[0];
  TRY(RunResult result, Run(std::move(argv), {}, timeout));
  if (!result.status.ok()) {
    return Fail(Error::InternalError("{} failed with status {}: {}", name, result.status.code, LastLine(result.err)));
  }
  return std::move(result.out);
}

Task<Result<RunResult>> RunAsync(BlockingPool* pool, RunOptions options) {
  auto run = [options = std::move(options)]() mutable { return Run(std::move(options)); };
  Result<RunResult> result = co_await pool->Run(std::move(run));
  co_return result;
}

Task<Result<ExitStatus>> WaitAsync(BlockingPool* pool, Subprocess* child) {
  auto ended = co_await pool->Run([child] { return child->Wait(); });
  if (!ended) co_return Fail(ended.error());
  co_return **ended;
}

Task<Result<ExitStatus>> StopAsync(BlockingPool* pool, Subprocess* child, Duration grace) {
  auto stop = [child, grace]() -> Result<std::optional<ExitStatus>> {
    TRY_VOID(child->Kill(SIGTERM));
    TRY(std::optional<ExitStatus> ended, child->Wait(grace));
    if (ended) return ended;
    TRY_VOID(child->Kill(SIGKILL, Subprocess::Target::kGroup));
    return child->Wait();
  };
  auto ended = co_await pool->Run(stop);
  if (!ended) co_return Fail(ended.error());
  co_return **ended;
}

}  // namespace sampan::os
