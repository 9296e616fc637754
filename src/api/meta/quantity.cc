#include "api/meta/quantity.h"

#include <algorithm>
#include <array>
#include <limits>

namespace sampan::api {
namespace {

__extension__ using Wide = __int128;

constexpr Wide kNano = 1'000'000'000;
constexpr Wide kMax = Wide(std::numeric_limits<int64_t>::max()) * kNano;

struct Suffix {
  std::string_view text;
  Quantity::Format format;
  int exponent;  // of 10 or of 2
};
constexpr std::array kSuffixes{
    Suffix{"", Quantity::Format::kDecimalSI, 0},   Suffix{"n", Quantity::Format::kDecimalSI, -9},
    Suffix{"u", Quantity::Format::kDecimalSI, -6}, Suffix{"m", Quantity::Format::kDecimalSI, -3},
    Suffix{"k", Quantity::Format::kDecimalSI, 3},  Suffix{"M", Quantity::Format::kDecimalSI, 6},
    Suffix{"G", Quantity::Format::kDecimalSI, 9},  Suffix{"T", Quantity::Format::kDecimalSI, 12},
    Suffix{"P", Quantity::Format::kDecimalSI, 15}, Suffix{"E", Quantity::Format::kDecimalSI, 18},
    Suffix{"Ki", Quantity::Format::kBinarySI, 10}, Suffix{"Mi", Quantity::Format::kBinarySI, 20},
    Suffix{"Gi", Quantity::Format::kBinarySI, 30}, Suffix{"Ti", Quantity::Format::kBinarySI, 40},
    Suffix{"Pi", Quantity::Format::kBinarySI, 50}, Suffix{"Ei", Quantity::Format::kBinarySI, 60},
};

Error Malformed() {
  return Error::BadRequest("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// "e3", "E-2": a decimal exponent. "E" alone is the suffix exa.
bool ParseExponent(std::string_view text, int& out) {
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return false;
  text.remove_prefix(1);
  bool negative = text[0] == '-';
  if (text[0] == '-' || text[0] == '+') text.remove_prefix(1);
  if (text.empty() || text.size() > 9) return false;
  int value = 0;
  for (char c : text) {
    if (!IsDigit(c)) return false;
    value = value * 10 + (c - '0');
  }
  out = negative ? -value : value;
  return true;
}

// magnitude * 10^exponent, rounded up; capped.
Wide ScaleDecimal(Wide magnitude, int exponent, bool& inexact) {
  for (; exponent > 0 && magnitude != 0; --exponent) {
    if (magnitude > kMax) return kMax;
    magnitude *= 10;
  }
  for (; exponent < 0 && magnitude != 0; ++exponent) {
    if (magnitude % 10 != 0) inexact = true;
    magnitude /= 10;
  }
  return std::min(magnitude, kMax);
}

// The decimal digits of `text` ("12.345") as nanos times 2^shift, rounded up when something finer is cut off.
struct Digits {
  Wide magnitude = 0;  // significant digits, at most 27 of them
  int exponent = 0;    // of 10
  bool inexact = false;
};
bool ParseDigits(std::string_view text, Digits& out) {
  bool point = false, any = false;
  constexpr Wide kLimit = Wide(1'000'000'000'000'000'000) * 1'000'000'000;  // 10^27: leaves room to scale
  for (char c : text) {
    if (c == '.') {
      if (std::exchange(point, true)) return false;
      continue;
    }
    any = true;
    if (out.magnitude < kLimit) {
      out.magnitude = out.magnitude * 10 + (c - '0');
      if (point) --out.exponent;
    } else {
      if (c != '0') out.inexact = true;
      if (!point) ++out.exponent;
    }
  }
  return any;
}

// a * 2^shift / 10^-exponent without losing digits: the binary factor is applied in steps of what fits.
Wide ScaleBinary(Digits digits, int shift, bool& inexact) {
  inexact = digits.inexact;
  int exponent = digits.exponent + 9;  // to nanos
  Wide value = digits.magnitude;
  while (exponent > 0 && value != 0) {
    if (value > kMax) return kMax;
    value *= 10;
    --exponent;
  }
  constexpr Wide kRoom = (Wide(1) << 126) - 1;
  while (shift > 0 || exponent < 0) {
    if (shift > 0 && value <= kRoom / 2) {
      value *= 2;
      --shift;
    } else if (exponent < 0) {
      if (value % 10 != 0) inexact = true;
      value /= 10;
      ++exponent;
    } else {
      return kMax;
    }
  }
  return std::min(value, kMax);
}

std::string ToText(Wide value) {
  std::string text;
  bool negative = value < 0;
  if (negative) value = -value;
  do {
    text += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value > 0);
  if (negative) text += '-';
  std::reverse(text.begin(), text.end());
  return text;
}

}  // namespace

Quantity Quantity::FromNanos(Wide nanos, Format format) {
  nanos = std::clamp(nanos, -kMax, kMax);
  Quantity out;
  out.units_ = static_cast<int64_t>(nanos / kNano);
  out.nanos_ = static_cast<int32_t>(nanos % kNano);
  out.format_ = format;
  return out;
}

Quantity Quantity::Of(int64_t value, Format format) {
  return FromNanos(Wide(value) * kNano, format);
}
Quantity Quantity::OfMilli(int64_t milli, Format format) {
  return FromNanos(Wide(milli) * 1'000'000, format);
}

Result<Quantity> Quantity::Parse(std::string_view text) {
  std::string_view whole = text;
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  size_t length = 0;
  while (length < text.size() && (IsDigit(text[length]) || text[length] == '.')) ++length;
  Digits digits;
  if (whole.empty() || length == 0 || !ParseDigits(text.substr(0, length), digits)) return Fail(Malformed());
  std::string_view suffix = text.substr(length);
  bool inexact = digits.inexact;
  Wide nanos = 0;
  Format format = Format::kDecimalSI;
  int exponent = 0;
  if (ParseExponent(suffix, exponent)) {
    format = Format::kDecimalExponent;
    nanos = ScaleDecimal(digits.magnitude, std::clamp(digits.exponent + exponent, -10'000'000, 10'000'000) + 9, inexact);
  } else {
    const auto* found = std::find_if(kSuffixes.begin(), kSuffixes.end(), [&](const Suffix& s) { return s.text == suffix; });
    if (found == kSuffixes.end()) return Fail(Malformed());
    format = found->format;
    nanos = format == Format::kBinarySI ? ScaleBinary(digits, found->exponent, inexact)
                                        : ScaleDecimal(digits.magnitude, digits.exponent + found->exponent + 9, inexact);
  }
  if (inexact && nanos < kMax) ++nanos;  // rounded up: whoever asks for some shall get some
  if (format == Format::kBinarySI && nanos < kNano) format = Format::kDecimalSI;  // fractions have no binary suffix
  return FromNanos(negative ? -nanos : nanos, format);
}

int64_t Quantity::Value() const {
  if (nanos_ > 0) return units_ == std::numeric_limits<int64_t>::max() ? units_ : units_ + 1;
  return nanos_ < 0 ? units_ - 1 : units_;
}

int64_t Quantity::MilliValue() const {
  Wide nanos = Nanos();
  Wide milli = nanos / 1'000'000;
  if (nanos % 1'000'000 != 0) milli += nanos > 0 ? 1 : -1;
  return static_cast<int64_t>(
      std::clamp<Wide>(milli, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()));
}

double Quantity::ToDouble() const {
  return static_cast<double>(units_) + static_cast<double>(nanos_) / 1e9;
}

std::string Quantity::ToString() const {
  Wide nanos = Nanos();
  if (nanos == 0) return "0";
  Wide magnitude = nanos < 0 ? -nanos : nanos;
  Format format = format_;
  // What has no binary suffix is read as a decimal number again, and written as one.
  if (format == Format::kBinarySI && magnitude % (1024 * kNano) != 0) format = Format::kDecimalSI;
  if (format == Format::kBinarySI) {
    int power = 0;
    Wide value = nanos / kNano;
    while (power < 6 && value % 1024 == 0) {
      value /= 1024;
      ++power;
    }
    static constexpr std::array<std::string_view, 7> kNames{"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    return ToText(value) + std::string(kNames[power]);
  }
  // The largest power of 1000 that divides the value.
  int exponent = -9;
  Wide value = nanos;
  while (exponent < 18 && value % 1000 == 0) {
    value /= 1000;
    exponent += 3;
  }
  if (format == Format::kDecimalExponent)
    return exponent == 0 ? ToText(value) : ToText(value) + "e" + std::to_string(exponent);
  static constexpr std::array<std::string_view, 10> kNames{"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  return ToText(value) + std::string(kNames[(exponent + 9) / 3]);
}

Quantity& Quantity::operator+=(const Quantity& other) {
  return *this = FromNanos(Nanos() + other.Nanos(), IsZero() ? other.format_ : format_);
}
Quantity& Quantity::operator-=(const Quantity& other) {
  return *this = FromNanos(Nanos() - other.Nanos(), IsZero() ? other.format_ : format_);
}
Quantity Quantity::operator-() const {
  return FromNanos(-Nanos(), format_);
}

}  // namespace sampan::api
