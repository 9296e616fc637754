// resource.Quantity: "500m", "128Mi", "1e3". Exact fixed-point numbers with nine decimal places within +-2^63, formatted
// in the canonical form of Kubernetes: the largest suffix that needs no fraction, in the family the text was written in.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sampan::api {

class Quantity {
 public:
  enum class Format : uint8_t { kDecimalSI, kBinarySI, kDecimalExponent };

  Quantity() = default;  // 0
  static Quantity Of(int64_t value, Format format = Format::kDecimalSI);
  static Quantity OfMilli(int64_t milli, Format format = Format::kDecimalSI);
  // BadRequest with Kubernetes' text for malformed input. Finer than nano is rounded up; beyond 2^63-1 is capped.
  static Result<Quantity> Parse(std::string_view text);

  // Rounded up (away from zero for positive fractions), saturating at the limits of int64.
  int64_t Value() const;
  int64_t MilliValue() const;
  double ToDouble() const;
  std::string ToString() const;  // canonical
  Format format() const { return format_; }

  bool IsZero() const { return units_ == 0 && nanos_ == 0; }
  int Sign() const { return units_ < 0 || nanos_ < 0 ? -1 : IsZero() ? 0 : 1; }

  // Saturating. The result keeps the format of the left operand, or takes the right one's when the left is zero.
  Quantity& operator+=(const Quantity& other);
  Quantity& operator-=(const Quantity& other);
  friend Quantity operator+(Quantity a, const Quantity& b) { return a += b; }
  friend Quantity operator-(Quantity a, const Quantity& b) { return a -= b; }
  Quantity operator-() const;

  // By value: 1000m equals 1.
  friend bool operator==(const Quantity& a, const Quantity& b) { return a.units_ == b.units_ && a.nanos_ == b.nanos_; }
  friend std::strong_ordering operator<=>(const Quantity& a, const Quantity& b) {
    auto units = a.units_ <=> b.units_;
    return units != 0 ? units : a.nanos_ <=> b.nanos_;
  }

 private:
  __extension__ using Wide = __int128;
  static Quantity FromNanos(Wide nanos, Format format);
  Wide Nanos() const { return Wide(units_) * 1'000'000'000 + nanos_; }

  int64_t units_ = 0;
  int32_t nanos_ = 0;  // same sign as units_, |nanos_| < 10^9
  Format format_ = Format::kDecimalSI;
};

}  // namespace sampan::api
