#include "base/time.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace sampan {
namespace {

bool TakeDigits(std::string_view& text, size_t count, int& out) {
  if (text.size() < count) return false;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  out = value;
  return true;
}

bool TakeChar(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// `value` in `count` decimal digits, cut on the left.
void AppendDigits(uint32_t value, size_t count, std::string& out) {
  out.resize(out.size() + count);
  for (size_t at = out.size(); count > 0; --count, value /= 10) out[--at] = static_cast<char>('0' + value % 10);
}

// "2006-01-02T15:04:05". Each write of an object has one or two of them.
std::string FormatSeconds(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto days = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(days);
  const auto second = static_cast<uint32_t>((seconds - days).count());
  std::string out;
  out.reserve(sizeof("2006-01-02T15:04:05.000000Z"));
  AppendDigits(static_cast<uint32_t>(static_cast<int>(date.year())), 4, out);
  const std::pair<char, uint32_t> parts[] = {{'-', static_cast<unsigned>(date.month())},
                                             {'-', static_cast<unsigned>(date.day())},
                                             {'T', second / 3600},
                                             {':', second / 60 % 60},
                                             {':', second % 60}};
  for (auto [before, value] : parts) {
    out += before;
    AppendDigits(value, 2, out);
  }
  return out;
}

struct Unit {
  std::string_view suffix;
  int64_t nanoseconds;
};
// Longest suffix first where one starts another ("ms" before "m").
constexpr std::array kUnits{Unit{"ns", 1},
                            Unit{"us", 1'000},
                            Unit{"\u00b5s", 1'000},
                            Unit{"ms", 1'000'000},
                            Unit{"s", 1'000'000'000},
                            Unit{"m", 60'000'000'000},
                            Unit{"h", 3'600'000'000'000}};

// `count` of the units of which one is `unit`, a power of ten, without an exponent and without zeros at its end.
std::string Decimal(uint64_t count, uint64_t unit) {
  std::string text = fmt::format("{}", count / unit);
  uint64_t fraction = count % unit;
  if (fraction == 0) return text;
  text += '.';
  for (uint64_t place = unit / 10; fraction > 0; place /= 10) {
    text += static_cast<char>('0' + fraction / place);
    fraction %= place;
  }
  return text;
}

}  // namespace

std::string FormatTime(WallTime time) {
  return FormatSeconds(time) + 'Z';
}

std::string FormatMicroTime(WallTime time) {
  constexpr Duration kSecond = std::chrono::seconds(1);
  const Duration part = (time.time_since_epoch() % kSecond + kSecond) % kSecond;
  std::string out = FormatSeconds(time) + '.';
  AppendDigits(static_cast<uint32_t>(part / std::chrono::microseconds(1)), 6, out);
  return out + 'Z';
}

std::optional<WallTime> ParseTime(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!TakeDigits(text, 4, year) || !TakeChar(text, '-') || !TakeDigits(text, 2, month) || !TakeChar(text, '-') ||
      !TakeDigits(text, 2, day)) {
    return std::nullopt;
  }
  if (!TakeChar(text, 'T') && !TakeChar(text, 't')) return std::nullopt;
  if (!TakeDigits(text, 2, hour) || !TakeChar(text, ':') || !TakeDigits(text, 2, minute) || !TakeChar(text, ':') ||
      !TakeDigits(text, 2, second)) {
    return std::nullopt;
  }
  int64_t nanos = 0;
  if (TakeChar(text, '.')) {
    int64_t scale = 100'000'000;
    size_t digits = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      nanos += (text.front() - '0') * scale;
      scale /= 10;
      text.remove_prefix(1);
      ++digits;
    }
    if (digits == 0) return std::nullopt;
  }
  std::chrono::minutes offset{0};
  if (!TakeChar(text, 'Z') && !TakeChar(text, 'z')) {
    int sign = TakeChar(text, '+') ? 1 : (TakeChar(text, '-') ? -1 : 0);
    int offset_hours = 0, offset_minutes = 0;
    if (sign == 0 || !TakeDigits(text, 2, offset_hours) || !TakeChar(text, ':') || !TakeDigits(text, 2, offset_minutes)) {
      return std::nullopt;
    }
    offset = sign * std::chrono::minutes(offset_hours * 60 + offset_minutes);
  }
  std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!text.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  if (year < 1678 || year > 2261) return std::nullopt;  // what nanoseconds since 1970 can count
  return WallTime(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                  std::chrono::seconds(second) + std::chrono::nanoseconds(nanos) - offset);
}

std::optional<Duration> ParseDuration(std::string_view text) {
  bool negative = TakeChar(text, '-');
  if (!negative) TakeChar(text, '+');
  if (text == "0") return Duration(0);
  if (text.empty()) return std::nullopt;
  constexpr uint64_t kLimit = uint64_t{1} << 63;  // the most that a sum may have, and only with a minus
  uint64_t total = 0;
  while (!text.empty()) {
    uint64_t whole = 0;
    size_t length = 0;
    bool digits = false;
    while (length < text.size() && text[length] >= '0' && text[length] <= '9') {
      auto digit = static_cast<uint64_t>(text[length++] - '0');
      if (whole > (kLimit - digit) / 10) return std::nullopt;
      whole = whole * 10 + digit;
      digits = true;
    }
    uint64_t fraction = 0;  // as a number of 1/scale
    double scale = 1;
    if (length < text.size() && text[length] == '.') {
      for (++length; length < text.size() && text[length] >= '0' && text[length] <= '9'; ++length) {
        digits = true;
        auto digit = static_cast<uint64_t>(text[length] - '0');
        if (fraction > (kLimit - digit) / 10) continue;  // too small to matter
        fraction = fraction * 10 + digit;
        scale *= 10;
      }
    }
    if (!digits) return std::nullopt;
    text.remove_prefix(length);
    const Unit* found = nullptr;
    for (const Unit& unit : kUnits) {
      if (text.starts_with(unit.suffix) && (found == nullptr || unit.suffix.size() > found->suffix.size())) found = &unit;
    }
    if (found == nullptr) return std::nullopt;
    text.remove_prefix(found->suffix.size());
    auto unit = static_cast<uint64_t>(found->nanoseconds);
    auto part = static_cast<uint64_t>(static_cast<double>(fraction) * (static_cast<double>(unit) / scale));  // <= one unit
    if (whole > kLimit / unit) return std::nullopt;
    part += whole * unit;
    if (part > kLimit || total > kLimit - part) return std::nullopt;
    total += part;
  }
  if (total == kLimit && !negative) return std::nullopt;
  return Duration(static_cast<int64_t>(negative ? 0 - total : total));
}

std::string FormatDuration(Duration duration) {
  int64_t nanos = duration.count();
  if (nanos == 0) return "0s";
  std::string sign = nanos < 0 ? "-" : "";
  uint64_t rest = nanos < 0 ? 0 - static_cast<uint64_t>(nanos) : static_cast<uint64_t>(nanos);
  if (rest < 1'000) return fmt::format("{}{}ns", sign, rest);
  if (rest < 1'000'000) return fmt::format("{}{}\u00b5s", sign, Decimal(rest, 1'000));
  if (rest < 1'000'000'000) return fmt::format("{}{}ms", sign, Decimal(rest, 1'000'000));
  uint64_t hours = rest / 3'600'000'000'000;
  rest %= 3'600'000'000'000;
  uint64_t minutes = rest / 60'000'000'000;
  std::string seconds = Decimal(rest % 60'000'000'000, 1'000'000'000);
  if (hours > 0) return fmt::format("{}{}h{}m{}s", sign, hours, minutes, seconds);
  if (minutes > 0) return fmt::format("{}{}m{}s", sign, minutes, seconds);
  return fmt::format("{}{}s", sign, seconds);
}

}  // namespace sampan
