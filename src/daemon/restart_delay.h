// How long to wait before a process that has ended is started again.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace sampan::daemon {

// At once, nearly, after a process that had worked; twice as long after each that died quickly, up to ten seconds.
class RestartDelay {
 public:
  // `lived` is how long the process ran; zero when it could not be started.
  Duration Next(Duration lived) {
    next_ = lived >= kWorked ? kLeast : std::min(next_ * 2, kMost);
    return next_;
  }

 private:
  static constexpr Duration kWorked = std::chrono::seconds(2);
  static constexpr Duration kLeast = std::chrono::milliseconds(100);
  static constexpr Duration kMost = std::chrono::seconds(10);
  Duration next_ = kLeast / 2;  // the first time is no repetition
};

}  // namespace sampan::daemon
