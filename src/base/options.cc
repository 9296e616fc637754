#include "base/options.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace sampan {
namespace {

Result<void> Check(const OptionCheck& check, std::string_view text) {
  if (!check) return {};
  std::string right = check(text);
  if (right.empty()) return {};
  return Fail(Error::BadRequest("\"{}\" is not {}", text, right));
}

Result<int64_t> ParseWhole(std::string_view text, int64_t least, int64_t most) {
  int64_t value = 0;
  auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return Fail(Error::BadRequest("\"{}\" is not a whole number between {} and {}", text, least, most));
  }
  return value;
}

// Levenshtein distance, for names of a few dozen characters.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

void OptionSet::Add(std::string* target, std::string name, std::string value_name, std::string doc, OptionCheck check) {
  options_.push_back({std::move(name), std::move(value_name), std::move(doc), *target, OptionShape::kValue,
                      [target, check = std::move(check)](std::string_view text) -> Result<void> {
                        TRY_VOID(Check(check, text));
                        target->assign(text);
                        return {};
                      },
                      nullptr, [target] { return target->empty() ? std::vector<std::string>() : std::vector{*target}; }});
}

void OptionSet::Add(uint16_t* target, std::string name, std::string value_name, std::string doc) {
  options_.push_back({std::move(name), std::move(value_name), std::move(doc), std::to_string(*target), OptionShape::kValue,
                      [target](std::string_view text) -> Result<void> {
                        TRY(int64_t value, ParseWhole(text, 1, 65535));
                        *target = static_cast<uint16_t>(value);
                        return {};
                      },
                      nullptr, [target] { return std::vector{std::to_string(*target)}; }});
}

void OptionSet::Add(int64_t* target, std::string name, std::string value_name, std::string doc, int64_t least,
                    int64_t most) {
  options_.push_back({std::move(name), std::move(value_name), std::move(doc), std::to_string(*target), OptionShape::kValue,
                      [target, least, most](std::string_view text) -> Result<void> {
                        TRY(*target, ParseWhole(text, least, most));
                        return {};
                      },
                      nullptr, [target] { return std::vector{std::to_string(*target)}; }});
}

void OptionSet::Add(Duration* target, std::string name, std::string value_name, std::string doc) {
  options_.push_back({std::move(name), std::move(value_name), std::move(doc), FormatDuration(*target), OptionShape::kValue,
                      [target](std::string_view text) -> Result<void> {
                        std::optional<Duration> value = ParseDuration(text);
                        if (!value || value->count() < 0) {
                          return Fail(Error::BadRequest("\"{}\" is not a duration such as 30s or 1h30m", text));
                        }
                        *target = *value;
                        return {};
                      },
                      nullptr, [target] { return std::vector{FormatDuration(*target)}; }});
}

void OptionSet::Add(bool* target, std::string name, std::string doc) {
  options_.push_back({std::move(name), "", std::move(doc), *target ? "true" : "false", OptionShape::kSwitch,
                      [target](std::string_view text) -> Result<void> {
                        if (text != "true" && text != "false") {
                          return Fail(Error::BadRequest("\"{}\" is neither true nor false", text));
                        }
                        *target = text == "true";
                        return {};
                      },
                      nullptr, [target] { return std::vector<std::string>{*target ? "true" : "false"}; }});
}

void OptionSet::Add(std::vector<std::string>* target, std::string name, std::string value_name, std::string doc,
                    OptionCheck check) {
  options_.push_back({std::move(name), std::move(value_name), std::move(doc), "", OptionShape::kList,
                      [target, check = std::move(check)](std::string_view text) -> Result<void> {
                        TRY_VOID(Check(check, text));
                        target->emplace_back(text);
                        return {};
                      },
                      [target] { target->clear(); }, [target] { return *target; }});
}

std::vector<std::string> OptionSet::Arguments() const {
  std::vector<std::string> arguments;
  for (const Option& option : options_) {
    for (const std::string& value : option.get()) arguments.push_back(fmt::format("--{}={}", option.name, value));
  }
  return arguments;
}

const Option* OptionSet::Find(std::string_view name) const {
  auto it = std::ranges::find(options_, name, &Option::name);
  return it == options_.end() ? nullptr : &*it;
}

std::string OptionSet::Nearest(std::string_view name) const {
  std::string nearest;
  size_t best = name.size() / 3 + 2;
  for (const Option& option : options_) {
    size_t distance = Distance(name, option.name);
    if (distance < best) {
      best = distance;
      nearest = option.name;
    }
  }
  return nearest;
}

OptionCheck IsCidr() {
  return [](std::string_view text) -> std::string {
    constexpr std::string_view kRight = "an IPv4 network such as 10.96.0.0/12";
    size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::string(kRight);
    in_addr address{};
    auto bits = ParseWhole(text.substr(slash + 1), 8, 30);
    if (!bits || inet_pton(AF_INET, std::string(text.substr(0, slash)).c_str(), &address) != 1) return std::string(kRight);
    uint32_t mask = ~uint32_t{0} << (32 - *bits);
    if ((ntohl(address.s_addr) & ~mask) != 0) return std::string(kRight) + " (it has host bits set)";
    return "";
  };
}

OptionCheck IsIpAddress() {
  return [](std::string_view text) -> std::string {
    in_addr address{};
    return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1 ? "" : "an IPv4 address such as 192.168.1.10";
  };
}

OptionCheck IsOneOf(std::vector<std::string> values) {
  return [values = std::move(values)](std::string_view text) -> std::string {
    if (std::ranges::find(values, text) != values.end()) return "";
    return fmt::format("one of {}", fmt::join(values, ", "));
  };
}

OptionCheck IsAbsolutePath() {
  return [](std::string_view text) -> std::string { return text.starts_with('/') ? "" : "an absolute path"; };
}

OptionCheck IsDnsName() {
  return [](std::string_view text) -> std::string {
    bool start = true;
    char previous = '.';
    for (char c : text) {
      bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      if (!letter && (start || (c != '-' && c != '.') || (c == '.' && previous == '-'))) return "a DNS name in lower case";
      start = c == '.';
      previous = c;
    }
    return text.empty() || start || previous == '-' || text.size() > 253 ? "a DNS name in lower case" : "";
  };
}

}  // namespace sampan
