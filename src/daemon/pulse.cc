#include "daemon/pulse.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "os/file.h"

namespace sampan::daemon {
namespace {

constexpr Duration kPeriod = std::chrono::seconds(5);
constexpr Duration kSilence = std::chrono::minutes(1);

Task<void> Nothing() {
  co_return;
}

Result<void> Touch(const std::string& file) {
  if (::utimensat(AT_FDCWD, file.c_str(), nullptr, 0) != 0) return Fail(Error::Errno(errno, file));
  return {};
}

Task<Result<void>> Beat(BlockingPool* blocking, std::string file, const std::vector<Executor*>* executors) {
  for (Executor* executor : *executors) co_await RunOn(*executor, Nothing());
  co_return co_await blocking->Run([file = std::move(file)] { return Touch(file); });
}

}  // namespace

Task<void> ShowPulse(Clock* clock, BlockingPool* blocking, std::string file, std::vector<Executor*> executors,
                     CancelToken stop) {
  bool failing = false;
  while (!stop.Requested()) {
    Result<void> shown = co_await Contained("pulse", Beat(blocking, file, &executors));
    if (!shown && !failing) LOG_WARN("pulse", "{}", shown.error());
    failing = !shown;
    co_await clock->Sleep(kPeriod, stop);
  }
}

bool PulseWatch::IsSilent(MonoTime now) {
  auto stat = os::Stat(file_);
  if (!stat || stat->modified_seconds != seen_) {
    seen_ = stat ? stat->modified_seconds : 0;
    since_ = now;
  }
  return now - since_ >= kSilence;
}

}  // namespace sampan::daemon
