#include "codec/json_check.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "codec/json_scan.h"
#include "codec/utf8.h"

namespace sampan::json {
namespace {

constexpr int kMaxExponentDigits = 9;
constexpr size_t kCommonDepth = 32;

class Checker : Scanner {
 public:
  Checker(std::string_view text, size_t max_depth)
      : Scanner(text.data(), text.data() + text.size()), begin_(text.data()), max_depth_(max_depth) {
    open_.reserve(kCommonDepth);
  }

  Result<void> Run() {
    // `open_` holds the containers around the place; each turn reads one value or ends containers behind one.
    do {
      TRY(bool opened, Value());
      if (opened) continue;
      TRY_VOID(Behind());
    } while (!open_.empty());
    Space();
    return at_ == end_ ? Result<void>() : Fault("something follows the value");
  }

 private:
  enum class Container : unsigned char { kObject, kArray };

  std::unexpected<Error> Fault(std::string_view what) const {
    return Fail(Error::BadRequest("malformed JSON at offset {}: {}", at_ - begin_, what));
  }

  // True when a container was opened and its first value comes next.
  Result<bool> Value() {
    Space();
    if (at_ >= end_) return Fault("the text ends where a value is expected");
    switch (*at_) {
      case '{':
        TRY_VOID(Open(Container::kObject));
        if (Take('}')) return Closed();
        TRY_VOID(Key());
        return true;
      case '[':
        TRY_VOID(Open(Container::kArray));
        if (Take(']')) return Closed();
        return true;
      case '"':
        TRY_VOID(String());
        return false;
      default:
        TRY_VOID(Word());
        return false;
    }
  }

  Result<void> Open(Container container) {
    if (open_.size() >= max_depth_) return Fault("nested too deep");
    open_.push_back(container);
    ++at_;
    return {};
  }
  bool Closed() {
    open_.pop_back();
    return false;
  }

  // Behind a value: a comma and, in an object, the next key; or the ends of containers.
  Result<void> Behind() {
    while (!open_.empty()) {
      const bool object = open_.back() == Container::kObject;
      if (Take(',')) return object ? Key() : Result<void>();
      if (!Take(object ? '}' : ']')) return Fault("a comma or the end of the container is expected");
      open_.pop_back();
    }
    return {};
  }

  Result<void> Key() {
    Space();
    if (at_ >= end_ || *at_ != '"') return Fault("a key is expected");
    TRY_VOID(String());
    return Take(':') ? Result<void>() : Fault("a colon is expected");
  }

  Result<void> String() {
    ++at_;
    while (true) {
      at_ = SkipPlain<Alphabet::kAscii>(at_, end_);
      if (at_ == end_) return Fault("the text ends inside a string");
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte == '"') {
        ++at_;
        return {};
      }
      if (byte < 0x20) return Fault("a control character in a string");
      if (byte == '\\') {
        TRY_VOID(Escape());
      } else {
        TRY_VOID(Character());
      }
    }
  }

  Result<void> Character() {
    const size_t length = static_cast<unsigned char>(*at_) < 0xE0 ? 2 : static_cast<unsigned char>(*at_) < 0xF0 ? 3 : 4;
    const std::string_view character(at_, std::min<size_t>(length, end_ - at_));
    if (!utf8::IsValid(character)) return Fault("bytes that are no UTF-8");
    at_ += character.size();
    return {};
  }

  Result<void> Escape() {
    if (end_ - at_ < 2) return Fault("the text ends inside a string");
    if (at_[1] != 'u') {
      if (std::memchr("\"\\/bfnrt", at_[1], 8) == nullptr) return Fault("an unknown escape");
      at_ += 2;
      return {};
    }
    const int first = Hex(at_ + 2);
    if (first < 0) return Fault("four hexadecimal digits are expected");
    at_ += 6;
    if (first < 0xD800 || first > 0xDFFF) return {};
    const int second = first < 0xDC00 && end_ - at_ >= 2 && at_[0] == '\\' && at_[1] == 'u' ? Hex(at_ + 2) : -1;
    if (second < 0xDC00 || second > 0xDFFF) return Fault("half a surrogate pair");
    at_ += 6;
    return {};
  }

  int Hex(const char* digits) const {
    unsigned value = 0;
    if (end_ - digits < 4 || std::from_chars(digits, digits + 4, value, 16).ptr != digits + 4) return -1;
    return static_cast<int>(value);
  }

  Result<void> Word() {
    const std::string_view rest(at_, end_ - at_);
    for (std::string_view literal : {"null", "true", "false"}) {
      if (!rest.starts_with(literal)) continue;
      at_ += literal.size();
      return {};
    }
    return Number();
  }

  Result<void> Number() {
    const char* start = at_;
    if (*at_ == '-') ++at_;
    const char* whole = at_;
    Digits();
    if (at_ == whole) return Fault("a value is expected");
    if (*whole == '0' && at_ - whole > 1) return Fault("a number with a leading zero");
    if (at_ < end_ && *at_ == '.') {
      const char* fraction = ++at_;
      Digits();
      if (at_ == fraction) return Fault("a digit is expected");
    }
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      const char* exponent = at_;
      Digits();
      if (at_ == exponent) return Fault("a digit is expected");
      // The parser counts exponents in 32 bits, also those of zero.
      const char* counted = std::find_if(exponent, at_, [](char digit) { return digit != '0'; });
      if (at_ - counted > kMaxExponentDigits) return Fault("a number out of range");
    }
    const std::string_view text(start, at_ - start);
    if (text.size() < 300 && text.find_first_of("eE") == std::string_view::npos) return {};  // in range whatever its digits
    double number = 0;
    return std::from_chars(start, at_, number).ec == std::errc() ? Result<void>() : Fault("a number out of range");
  }

  void Digits() {
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
  }

  const char* begin_;
  const size_t max_depth_;
  std::vector<Container> open_;
};

}  // namespace

Result<void> CheckText(std::string_view text, size_t max_depth) {
  return Checker(text, max_depth).Run();
}

}  // namespace sampan::json
