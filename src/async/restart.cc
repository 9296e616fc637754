#include "async/restart.h"

#include <algorithm>

#include "base/contain.h"

namespace sampan {
namespace {

constexpr Duration kFirstPause = std::chrono::seconds(1);
constexpr Duration kLongestPause = std::chrono::minutes(1);

}  // namespace

Task<void> RunRestarting(std::string_view unit, Clock* clock, std::function<Task<void>(CancelToken stop)> start,
                         CancelToken stop) {
  Duration pause = kFirstPause;
  while (!stop.Requested()) {
    MonoTime began = clock->Monotonic();
    bool lost = false;
    try {
      co_await start(stop);
    } catch (...) {
      lost = true;
      (void)ReportEscape(unit);
    }
    if (!lost) co_return;
    if (clock->Monotonic() - began > kLongestPause) pause = kFirstPause;  // it was well for a while
    co_await clock->Sleep(pause, stop);
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace sampan
