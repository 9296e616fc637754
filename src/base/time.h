// Time as the project passes it around. Wall time is what objects carry; monotonic time is what timers count.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sampan {

using Duration = std::chrono::nanoseconds;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// RFC 3339 as metav1.Time is written: "2026-01-02T03:04:05Z".
std::string FormatTime(WallTime time);
// RFC 3339 with microseconds as metav1.MicroTime is written: "2026-01-02T03:04:05.000006Z".
std::string FormatMicroTime(WallTime time);
// Any RFC 3339 time, with or without fraction, with Z or an offset. Nothing when malformed.
std::optional<WallTime> ParseTime(std::string_view text);

// Go's duration syntax: "1h30m", "250ms", "1.5s", "0". Nothing when malformed.
std::optional<Duration> ParseDuration(std::string_view text);
std::string FormatDuration(Duration duration);  // "1h30m0s" as Go prints it

}  // namespace sampan
