#include "daemon/verb.h"

#include <pthread.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "async/spawn.h"
#include "daemon/actor_component.h"
#include "daemon/heaps.h"
#include "daemon/process.h"
#include "os/file.h"

namespace sampan::daemon {

int Complain(const Error& error) {
  std::fprintf(stderr, "sampan: %s\n", error.message().c_str());
  return kExitFailure;
}

void SetLogLevel(const std::string& name) {
  using enum log::Level;
  log::SetLevel(name == "debug" ? kDebug : name == "warn" ? kWarn : name == "error" ? kError : kInfo);
}

Result<void> WritePidFile(const std::string& path) {
  return os::WriteFileAtomic(path, std::to_string(getpid()) + "\n", {.mode = 0644, .sync = os::Sync::kNo});
}

Component HeapsComponent(Runtime& runtime) {
  return ActorComponent("heaps", *runtime.pool, *runtime.clock, [&runtime](CancelToken stop) {
    return TrimHeaps(runtime.clock.get(), &runtime.blocking, std::move(stop));
  });
}

namespace {

// Waits for the signal on a thread of its own, and from then on for the end of everything.
class StopWatch {
 public:
  explicit StopWatch(Duration stop_within) : stop_within_(stop_within), thread_([this] { Run(); }) {}
  ~StopWatch() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    pthread_kill(thread_.native_handle(), SIGTERM);  // blocked everywhere: it ends the wait when no signal has come
    thread_.join();
  }
  int Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return signal_ != 0; });
    return signal_;
  }

 private:
  void Run() {
    const int signal = WaitForStopSignal();
    std::unique_lock lock(mutex_);
    signal_ = signal;
    changed_.notify_all();
    if (changed_.wait_for(lock, stop_within_, [this] { return over_; })) return;
    LOG_ERROR("supervisor", "not stopped within {}: the process ends as it is", FormatDuration(stop_within_));
    _exit(kExitFailure);
  }

  const Duration stop_within_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int signal_ = 0;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace

Result<void> ServeUntilSignal(Runtime& runtime, Supervisor& supervisor, Duration stop_within) {
  StopWatch watch(stop_within);
  TRY_VOID(SyncWait(*runtime.pool, supervisor.Start()));
  int signal = watch.Wait();
  LOG_INFO("supervisor", "stopping on signal {}", signal);
  SyncWait(*runtime.pool, supervisor.Stop());
  return {};
}

}  // namespace sampan::daemon
