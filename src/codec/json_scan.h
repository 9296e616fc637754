// What the readers of JSON text in this folder share: steps over white space and over what a string holds as it is.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sampan::json {

// What may stand for itself: ASCII alone, or any byte from 0x80 on as well.
enum class Alphabet : unsigned char { kAscii, kBytes };

// The first character at or behind `at` that does not stand for itself in a JSON string: a quote, a backslash, a control
// character and, with kAscii, what is beyond ASCII; `end` when there is none. Looks at eight bytes at a time.
template <Alphabet alphabet>
const char* SkipPlain(const char* at, const char* end) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  while (end - at >= 8) {
    uint64_t eight;
    std::memcpy(&eight, at, 8);
    if constexpr (std::endian::native == std::endian::big) eight = __builtin_bswap64(eight);
    // The lowest bit set is right; those above may come from its borrow.
    auto zeros = [](uint64_t word) { return (word - kOnes) & ~word; };
    uint64_t found = zeros(eight ^ kOnes * '"') | zeros(eight ^ kOnes * '\\') | ((eight - kOnes * 0x20) & ~eight);
    if constexpr (alphabet == Alphabet::kAscii) found |= eight;
    found &= kHighs;
    if (found != 0) return at + std::countr_zero(found) / 8;
    at += 8;
  }
  for (; at < end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte == '"' || byte == '\\' || byte < 0x20 || (alphabet == Alphabet::kAscii && byte >= 0x80)) break;
  }
  return at;
}

// A place in JSON text.
class Scanner {
 protected:
  Scanner(const char* begin, const char* end) : at_(begin), end_(end) {}

  void Space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  bool Take(char c) {
    Space();
    if (at_ >= end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  const char* at_;
  const char* end_;
};

}  // namespace sampan::json
