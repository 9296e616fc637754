#include "codec/base64.h"

#include <array>
#include <cstdint>

namespace sampan::base64 {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using Reverse = std::array<int8_t, 256>;

constexpr Reverse MakeReverse(std::string_view alphabet) {
  Reverse table{};
  table.fill(-1);
  for (size_t i = 0; i < alphabet.size(); ++i) table[static_cast<unsigned char>(alphabet[i])] = static_cast<int8_t>(i);
  return table;
}
constexpr Reverse kStandardReverse = MakeReverse(kStandard);
constexpr Reverse kUrlReverse = MakeReverse(kUrl);

enum class Padding : bool { kNone, kRequired };

void Append(std::string_view bytes, std::string_view alphabet, Padding padding, std::string& out) {
  auto at = [&](size_t i) -> uint32_t { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0; };
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out += alphabet[group >> 18];
    out += alphabet[group >> 12 & 63];
    if (i + 1 < bytes.size()) {
      out += alphabet[group >> 6 & 63];
    } else if (padding == Padding::kRequired) {
      out += '=';
    }
    if (i + 2 < bytes.size()) {
      out += alphabet[group & 63];
    } else if (padding == Padding::kRequired) {
      out += '=';
    }
  }
}

// Calls sink(byte) for each decoded byte. False when malformed.
template <class Sink>
bool Scan(std::string_view text, const Reverse& reverse, Padding padding, Sink sink) {
  uint32_t group = 0;
  int digits = 0, pads = 0;
  for (char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=' && padding == Padding::kRequired) {
      if (digits + ++pads > 4 || digits < 2) return false;
      continue;
    }
    int8_t value = reverse[static_cast<unsigned char>(c)];
    if (value < 0 || pads > 0) return false;
    group = group << 6 | static_cast<uint32_t>(value);
    if (++digits == 4) {
      sink(static_cast<char>(group >> 16));
      sink(static_cast<char>(group >> 8));
      sink(static_cast<char>(group));
      group = 0;
      digits = 0;
    }
  }
  if (digits == 0) return pads == 0;
  if (digits == 1 || (padding == Padding::kRequired && digits + pads != 4)) return false;
  if (digits == 2) {
    sink(static_cast<char>(group >> 4));
  } else {
    sink(static_cast<char>(group >> 10));
    sink(static_cast<char>(group >> 2));
  }
  return true;
}

std::optional<std::string> DecodeWith(std::string_view text, const Reverse& reverse, Padding padding) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  if (!Scan(text, reverse, padding, [&](char c) { out += c; })) return std::nullopt;
  return out;
}

}  // namespace

void EncodeTo(std::string_view bytes, std::string& out) {
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  Append(bytes, kStandard, Padding::kRequired, out);
}

std::string Encode(std::string_view bytes) {
  std::string out;
  EncodeTo(bytes, out);
  return out;
}

std::optional<std::string> Decode(std::string_view text) {
  return DecodeWith(text, kStandardReverse, Padding::kRequired);
}

bool Valid(std::string_view text) {
  return Scan(text, kStandardReverse, Padding::kRequired, [](char) {});
}

std::string EncodeUrl(std::string_view bytes) {
  std::string out;
  Append(bytes, kUrl, Padding::kNone, out);
  return out;
}

std::optional<std::string> DecodeUrl(std::string_view text) {
  return DecodeWith(text, kUrlReverse, Padding::kNone);
}

}  // namespace sampan::base64
