#include "codec/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace sampan::utf8 {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// How many bytes the character at the front has. 0: it is not well-formed, and `bad` bytes of it belong together.
size_t Measure(std::string_view text, size_t& bad) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  bad = 1;
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // What may follow the lead directly is narrower for some leads: no overlong forms, surrogates or too large values.
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < length; ++i, ++bad) {
    if (i >= text.size() || byte(i) < (i == 1 ? low : 0x80) || byte(i) > (i == 1 ? high : 0xBF)) return 0;
  }
  return length;
}

struct Range {
  char32_t first;
  char32_t last;
};

// Controls, formatting, spaces, surrogates, private use, and what is no character.
constexpr Range kUnprintable[] = {
    {0x0000, 0x001F},   {0x007F, 0x00A0},   {0x00AD, 0x00AD},   {0x0600, 0x0605},   {0x061C, 0x061C},    {0x06DD, 0x06DD},
    {0x070F, 0x070F},   {0x0890, 0x0891},   {0x08E2, 0x08E2},   {0x1680, 0x1680},   {0x180E, 0x180E},    {0x2000, 0x200F},
    {0x2028, 0x202F},   {0x205F, 0x206F},   {0x3000, 0x3000},   {0xD800, 0xF8FF},   {0xFDD0, 0xFDEF},    {0xFEFF, 0xFEFF},
    {0xFFF0, 0xFFFB},   {0xFFFE, 0xFFFF},   {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x1343F},  {0x1BCA0, 0x1BCA3},
    {0x1D173, 0x1D17A}, {0x1FFFE, 0x1FFFF}, {0x2FFFE, 0x2FFFF}, {0x3FFFE, 0xE00FF}, {0xE01F0, 0x10FFFF},
};

}  // namespace

bool IsValid(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    if (end - at >= 8) {
      uint64_t eight;
      std::memcpy(&eight, at, 8);
      if ((eight & 0x8080808080808080) == 0) {
        at += 8;
        continue;
      }
    }
    size_t bad = 0;
    const size_t length = Measure({at, static_cast<size_t>(end - at)}, bad);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string Repaired(std::string_view text) {
  return Repaired(text, std::string::npos);
}

std::string Repaired(std::string_view text, size_t max_bytes) {
  constexpr std::string_view kReplacementBytes = "\uFFFD";
  std::string out;
  out.reserve(std::min(text.size(), max_bytes));
  while (!text.empty()) {
    size_t bad = 0;
    const size_t length = Measure(text, bad);
    const std::string_view next = length == 0 ? kReplacementBytes : text.substr(0, length);
    if (next.size() > max_bytes - out.size()) break;
    out += next;
    text.remove_prefix(length == 0 ? bad : length);
  }
  return out;
}

std::string RepairedTail(std::string_view text, size_t max_bytes) {
  const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; };
  if (text.size() > max_bytes) text.remove_prefix(text.size() - max_bytes);
  for (int i = 0; i < 3 && !text.empty() && continues(text.front()); ++i) text.remove_prefix(1);
  std::string whole = Repaired(text);
  if (whole.size() <= max_bytes) return whole;  // replacements make it longer
  size_t begin = whole.size() - max_bytes;
  while (begin < whole.size() && continues(whole[begin])) ++begin;
  return whole.substr(begin);
}

bool IsPrintable(char32_t character) {
  const auto* range = std::ranges::lower_bound(kUnprintable, character, {}, &Range::last);
  return range == std::end(kUnprintable) ? character <= 0x10FFFF : character < range->first;
}

char32_t Take(std::string_view& text) {
  size_t bad = 0;
  const size_t length = Measure(text, bad);
  if (length == 0) {
    text.remove_prefix(bad);
    return kReplacement;
  }
  const auto lead = static_cast<unsigned char>(text[0]);
  char32_t character = length == 1 ? lead : lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  text.remove_prefix(length);
  return character;
}

void Append(char32_t character, std::string& out) {
  if (character < 0x80) {
    out += static_cast<char>(character);
    return;
  }
  if (character < 0x800) {
    out += static_cast<char>(0xC0 | character >> 6);
  } else {
    if (character < 0x10000) {
      out += static_cast<char>(0xE0 | character >> 12);
    } else {
      out += static_cast<char>(0xF0 | character >> 18);
      out += static_cast<char>(0x80 | (character >> 12 & 0x3F));
    }
    out += static_cast<char>(0x80 | (character >> 6 & 0x3F));
  }
  out += static_cast<char>(0x80 | (character & 0x3F));
}

}  // namespace sampan::utf8
