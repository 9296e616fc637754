// Durations that a user, a peer or a container gave as a number. They are cut to a century, so that adding one or two of
// them to the present, or taking them from it, cannot overflow: 64 bits of nanoseconds are 292 years.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace sampan {

inline constexpr int64_t kLongestSeconds = int64_t{100} * 365 * 24 * 3600;

constexpr Duration BoundedSeconds(int64_t seconds) {
  return std::chrono::seconds(std::clamp(seconds, -kLongestSeconds, kLongestSeconds));
}

// Nanoseconds since 1970 as a time between 1970 and 2070.
constexpr WallTime BoundedTime(int64_t nanoseconds) {
  return WallTime(std::clamp(Duration(nanoseconds), Duration(0), BoundedSeconds(kLongestSeconds)));
}

// The sum, or the last time there is when it does not fit.
constexpr WallTime AddBounded(WallTime at, Duration delay) {
  Duration::rep sum = 0;
  if (!__builtin_add_overflow(at.time_since_epoch().count(), delay.count(), &sum)) return WallTime(Duration(sum));
  return delay.count() > 0 ? WallTime::max() : WallTime::min();
}

}  // namespace sampan
