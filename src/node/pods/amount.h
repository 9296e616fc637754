// Arithmetic on amounts of resources, which users give up to the last 64-bit number: what does not fit becomes the largest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace sampan::node {

constexpr int64_t AddAmounts(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

// value * factor / divisor; `divisor` is positive.
constexpr int64_t ScaleAmount(int64_t value, int64_t factor, int64_t divisor) {
  const __int128 scaled = static_cast<__int128>(value) * factor / divisor;
  return static_cast<int64_t>(
      std::clamp<__int128>(scaled, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()));
}

}  // namespace sampan::node
