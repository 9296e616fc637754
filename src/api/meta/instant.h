// A time of any year that RFC 3339 can write. WallTime counts nanoseconds and ends in 2261; objects may carry the year 1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sampan::api {

struct Instant {
  int64_t seconds = 0;      // since 1970
  int64_t nanoseconds = 0;  // 0..999999999
  bool operator==(const Instant&) const = default;
};

enum class Precision : unsigned char { kSeconds, kMicroseconds };

// Nothing when malformed.
std::optional<Instant> ParseInstant(std::string_view text);
// As metav1.Time and metav1.MicroTime are written. The year must be of 0..9999.
std::string FormatInstant(const Instant& instant, Precision precision);

}  // namespace sampan::api
