#include "daemon/verb.h"

#include <unistd.h>

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

Result<void> ServeUntilSignal(Runtime& runtime, Supervisor& supervisor) {
  TRY_VOID(SyncWait(*runtime.pool, supervisor.Start()));
  int signal = WaitForStopSignal();
  LOG_INFO("supervisor", "stopping on signal {}", signal);
  SyncWait(*runtime.pool, supervisor.Stop());
  return {};
}

}  // namespace sampan::daemon
