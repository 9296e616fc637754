#include "codec/yaml_scalar.h"

#include <charconv>
#include <cmath>

#include "codec/base64.h"

namespace sampan::yaml {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

std::optional<bool> AsBool(std::string_view text) {
  if (IsOneOf(text, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) return true;
  if (IsOneOf(text, {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) return false;
  return {};
}

bool IsNull(std::string_view text) {
  return IsOneOf(text, {"", "~", "null", "Null", "NULL"});
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Decimal, 0x, 0o, 0b, and a leading 0 for octal, with a sign.
std::optional<json::Value> AsInt(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    char mark = text[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'o' || mark == 'O' ? 8 : mark == 'b' || mark == 'B' ? 2 : 0;
    text.remove_prefix(base == 0 ? 1 : 2);
    if (base == 0) base = 8;
  }
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  if (!negative) return number <= INT64_MAX ? json::Value(static_cast<int64_t>(number)) : json::Value(number);
  if (number > uint64_t{1} << 63) return {};
  return json::Value(static_cast<int64_t>(0 - number));
}

// [-+]?(.digits|digits[.digits])[e[+-]digits]
bool LooksLikeFloat(std::string_view text) {
  size_t i = 0;
  auto digits = [&] {
    size_t start = i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    return i - start;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  size_t whole = digits();
  size_t fraction = 0;
  if (i < text.size() && text[i] == '.') {
    ++i;
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

std::optional<json::Value> AsFloat(std::string_view text) {
  if (!LooksLikeFloat(text)) return {};
  if (text[0] == '+') text.remove_prefix(1);
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return {};
  // 1e3 is the integer 1000 to whoever reads the JSON.
  if (std::trunc(number) == number && std::abs(number) < 1e15) return json::Value(static_cast<int64_t>(number));
  return json::Value(number);
}

std::optional<json::Value> AsNumber(std::string_view text) {
  if (text.empty() || !(IsDigit(text[0]) || text[0] == '-' || text[0] == '+' || text[0] == '.')) return {};
  std::string plain;
  if (text.find('_') != std::string_view::npos) {
    for (char c : text) {
      if (c != '_') plain += c;
    }
    text = plain;
  }
  if (auto number = AsInt(text)) return number;
  return AsFloat(text);
}

bool IsNotFinite(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return IsOneOf(text, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"});
}

// Plain text, without a tag: null, bool, number or the text itself.
json::Value ResolvePlain(std::string_view text) {
  // Most text is none of the words and numbers: their first characters are few.
  const bool may_mean = text.empty() || std::string_view("~nNyYtTfFoO+-.0123456789").find(text[0]) != std::string_view::npos;
  if (!may_mean) return json::Value(boost::json::string_view(text));
  if (IsNull(text)) return nullptr;
  if (auto flag = AsBool(text)) return *flag;
  if (auto number = AsNumber(text)) return *number;
  return json::Value(boost::json::string_view(text));
}

}  // namespace

Result<json::Value> ResolveScalar(std::string_view tag, std::string_view text) {
  json::Value as_text = json::Value(boost::json::string_view(text));
  if (tag == "?") {
    if (IsNotFinite(text)) return Fail(Error::BadRequest("{} is no number that JSON can hold", text));
    return ResolvePlain(text);
  }
  if (!tag.starts_with(kTagPrefix)) return as_text;
  std::string_view type = tag.substr(kTagPrefix.size());
  auto mismatch = [&] { return Fail(Error::BadRequest("cannot decode !!str `{}` as a !!{}", text, type)); };
  if (type == "null") return json::Value();
  if (type == "binary") {
    auto bytes = base64::Decode(text);
    if (!bytes) return Fail(Error::BadRequest("!!binary value contains invalid base64 data"));
    return json::Value(boost::json::string_view(*bytes));
  }
  if (type == "bool") {
    auto flag = AsBool(text);
    if (!flag) return mismatch();
    return json::Value(*flag);
  }
  if (type == "int" || type == "float") {
    auto number = AsNumber(text);
    if (!number) return mismatch();
    return std::move(*number);
  }
  return as_text;
}

}  // namespace sampan::yaml
