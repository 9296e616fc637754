// intstr.IntOrString: a port number or name, a count or a percentage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sampan::api {

class IntOrString {
 public:
  IntOrString() = default;                                                     // the number 0
  IntOrString(int32_t number) : number_(number) {}                             // NOLINT: implicit, as in manifests
  IntOrString(std::string text) : is_string_(true), text_(std::move(text)) {}  // NOLINT
  IntOrString(const char* text) : is_string_(true), text_(text) {}             // NOLINT

  bool is_string() const { return is_string_; }
  int32_t number() const { return number_; }         // 0 for a string
  const std::string& text() const { return text_; }  // empty for a number
  std::string ToString() const { return is_string_ ? text_ : std::to_string(number_); }

  // A number as it is; "25%" of `total`, rounded up or down. Nothing when the string is no percentage.
  enum class Rounding : bool { kDown, kUp };
  std::optional<int32_t> Scaled(int32_t total, Rounding rounding) const;

  bool operator==(const IntOrString&) const = default;

 private:
  bool is_string_ = false;
  int32_t number_ = 0;
  std::string text_;
};

}  // namespace sampan::api
