#include "api/meta/instant.h"

#include <chrono>

#include <fmt/format.h>

#include "base/time.h"

namespace sampan::api {
namespace {

// The calendar repeats after 400 years. Times are moved by that many into years that WallTime can count, and back.
constexpr int kCycleYears = 400;
constexpr int64_t kCycleSeconds = 146097LL * 86400;
constexpr int kFirstYear = 1700, kLastYear = kFirstYear + kCycleYears - 1;
constexpr int64_t kFirstSecond = -8520336000;  // 1700-01-01
constexpr int64_t kYear0 = -62167219200, kYear10000 = 253402300800;

int YearOf(std::string_view text) {
  int year = 0;
  for (char c : text.substr(0, 4)) {
    if (c < '0' || c > '9') return -1;
    year = year * 10 + (c - '0');
  }
  return text.size() < 4 ? -1 : year;
}

}  // namespace

std::optional<Instant> ParseInstant(std::string_view text) {
  int year = YearOf(text);
  if (year < 0) return std::nullopt;
  int64_t cycles = 0;
  for (; year < kFirstYear; year += kCycleYears) --cycles;
  for (; year > kLastYear; year -= kCycleYears) ++cycles;
  auto time = cycles == 0 ? ParseTime(text) : ParseTime(fmt::format("{:04}{}", year, text.substr(4)));
  if (!time) return std::nullopt;
  auto seconds = std::chrono::floor<std::chrono::seconds>(*time);
  const int64_t since = seconds.time_since_epoch().count() + cycles * kCycleSeconds;
  if (since < kYear0 || since >= kYear10000) return std::nullopt;  // an offset may lead out of the years that can be written
  return Instant{since, (*time - seconds).count()};
}

std::string FormatInstant(const Instant& instant, Precision precision) {
  int64_t seconds = instant.seconds;
  int cycles = 0;
  for (; seconds < kFirstSecond; seconds += kCycleSeconds) --cycles;
  for (; seconds >= kFirstSecond + kCycleSeconds; seconds -= kCycleSeconds) ++cycles;
  WallTime time{std::chrono::seconds(seconds) + std::chrono::nanoseconds(instant.nanoseconds)};
  std::string text = precision == Precision::kSeconds ? FormatTime(time) : FormatMicroTime(time);
  return cycles == 0 ? text : fmt::format("{:04}{}", YearOf(text) + cycles * kCycleYears, text.substr(4));
}

}  // namespace sampan::api
