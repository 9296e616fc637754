// Bounds-checked reading, for wire*.cc only.
#pragma once

#include "dns/wire.h"

namespace sampan::dns {

constexpr size_t kMaxLabel = 63;

inline char LowerInText(uint8_t byte) {
  if (byte >= 'A' && byte <= 'Z') return static_cast<char>(byte + 32);
  return byte == '.' ? '\1' : static_cast<char>(byte);
}

// Reads past the end yield zeros and make ok() false.
class Reader {
 public:
  explicit Reader(Bytes bytes, size_t at = 0) : bytes_(bytes), at_(at) {}
  bool ok() const { return ok_; }
  size_t at() const { return at_; }

  Bytes Take(size_t count) {
    if (!ok_ || count > bytes_.size() - at_) {
      ok_ = false;
      return {};
    }
    Bytes taken = bytes_.subspan(at_, count);
    at_ += count;
    return taken;
  }
  uint8_t Get8() {
    Bytes bytes = Take(1);
    return ok_ ? bytes[0] : 0;
  }
  uint16_t Get16() {
    Bytes bytes = Take(2);
    return ok_ ? static_cast<uint16_t>(bytes[0] << 8 | bytes[1]) : 0;
  }
  uint32_t Get32() {
    uint32_t high = Get16();
    return high << 16 | Get16();
  }
  // Over a name, compressed or not, without following pointers.
  bool SkipName() {
    while (true) {
      uint8_t length = Get8();
      if (!ok_) return false;
      if (length == 0) return true;
      if ((length & 0xC0) == 0xC0) {
        Get8();
        return ok_;
      }
      if (length > kMaxLabel) return ok_ = false;
      Take(length);
    }
  }

 private:
  Bytes bytes_;
  size_t at_;
  bool ok_ = true;
};

}  // namespace sampan::dns
