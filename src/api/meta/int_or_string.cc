#include "api/meta/int_or_string.h"

#include "base/saturate.h"

#include <charconv>

namespace sampan::api {

std::optional<int32_t> IntOrString::Scaled(int32_t total, Rounding rounding) const {
  if (!is_string_) return number_;
  if (!text_.ends_with('%')) return std::nullopt;
  int32_t percent = 0;
  const char* end = text_.data() + text_.size() - 1;
  auto [stop, error] = std::from_chars(text_.data(), end, percent);
  if (error != std::errc() || stop != end) return std::nullopt;
  int64_t product = int64_t{percent} * total;
  return Saturated32(rounding == Rounding::kUp ? (product + 99) / 100 : product / 100);
}

}  // namespace sampan::api
