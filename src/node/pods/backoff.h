// Exponential backoff as pure data: 10 s doubling to 5 min, forgotten after twice the longest pause without a failure.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.h"

namespace sampan::node {

struct Backoff {
  static constexpr Duration kFirst = std::chrono::seconds(10);
  static constexpr Duration kLongest = std::chrono::minutes(5);

  Duration pause{0};  // 0: no failure remembered
  WallTime updated;   // when `pause` was set

  // How long to wait still at `now` for something that failed at `failed`; 0 when it may be tried.
  Duration Remaining(WallTime failed, WallTime now) const {
    if (pause == Duration(0) || failed - updated > 2 * kLongest) return Duration(0);
    return std::max(Duration(0), Duration(failed + pause - now));
  }
  // Called when it is tried again after a failure.
  void Next(WallTime now) {
    bool forgotten = pause == Duration(0) || now - updated > 2 * kLongest;
    pause = forgotten ? kFirst : std::min(pause * 2, kLongest);
    updated = now;
  }
};

}  // namespace sampan::node
