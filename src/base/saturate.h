// Arithmetic with times and counts that users choose: what is too large for nanoseconds in 64 bits ends at the largest (or
// smallest), where the plain operators would overflow. 292 years are for ever.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/time.h"

namespace sampan {

constexpr Duration SaturatedSeconds(int64_t seconds) {
  constexpr int64_t kMost = std::chrono::duration_cast<std::chrono::seconds>(Duration::max()).count();
  return std::chrono::seconds(std::clamp(seconds, -kMost, kMost));
}

constexpr Duration SaturatedSum(Duration a, Duration b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a.count(), b.count(), &sum)) return Duration(sum);
  return b > Duration(0) ? Duration::max() : Duration::min();
}

// Counts, which are sums of what several objects say.
constexpr int64_t SaturatedSum(int64_t a, int64_t b) {
  return SaturatedSum(Duration(a), Duration(b)).count();
}
constexpr int32_t Saturated32(int64_t value) {
  return static_cast<int32_t>(
      std::clamp<int64_t>(value, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
}

// `time` + `delay`.
template <class Clock>
constexpr std::chrono::time_point<Clock, Duration> SaturatedSum(std::chrono::time_point<Clock, Duration> time,
                                                                std::type_identity_t<Duration> delay) {
  return std::chrono::time_point<Clock, Duration>(SaturatedSum(time.time_since_epoch(), delay));
}

// `later` - `earlier`.
template <class Clock>
constexpr Duration SaturatedDifference(std::chrono::time_point<Clock, Duration> later,
                                       std::chrono::time_point<Clock, Duration> earlier) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(later.time_since_epoch().count(), earlier.time_since_epoch().count(), &difference)) {
    return Duration(difference);
  }
  return later > earlier ? Duration::max() : Duration::min();
}

// Seconds that a user, a peer or a container gave as a number, cut to a century: adding one or two of them to the present,
// or taking them from it, cannot overflow.
inline constexpr int64_t kLongestSeconds = int64_t{100} * 365 * 24 * 3600;
constexpr Duration BoundedSeconds(int64_t seconds) {
  return std::chrono::seconds(std::clamp(seconds, -kLongestSeconds, kLongestSeconds));
}

// Nanoseconds since 1970 as a time between 1970 and 2070.
constexpr WallTime BoundedTime(int64_t nanoseconds) {
  return WallTime(std::clamp(Duration(nanoseconds), Duration(0), BoundedSeconds(kLongestSeconds)));
}

}  // namespace sampan
