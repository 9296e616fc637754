#include "codec/json_cursor.h"

namespace sampan::json {
namespace {

void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Four hexadecimal digits at the start of `text`, or -1.
int32_t Hex4(std::string_view text) {
  if (text.size() < 4) return -1;
  int32_t value = 0;
  for (char c : text.substr(0, 4)) {
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

}  // namespace

Cursor::Token Cursor::Peek() {
  Space();
  if (at_ >= end_) return Token::kEnd;
  switch (*at_) {
    case '{':
      return Token::kObject;
    case '[':
      return Token::kArray;
    case '"':
      return Token::kString;
    case 't':
    case 'f':
      return Token::kBool;
    case 'n':
      return Token::kNull;
    default:
      return Token::kNumber;
  }
}

// Leaves the cursor behind the closing quote.
void Cursor::SkipString() {
  if (at_ >= end_ || *at_ != '"') return Fail();
  ++at_;
  while (true) {
    const auto* quote = static_cast<const char*>(memchr(at_, '"', end_ - at_));
    if (quote == nullptr) return Fail();
    const char* slash = quote;
    while (slash > at_ && slash[-1] == '\\') --slash;
    at_ = quote + 1;
    if ((quote - slash) % 2 == 0) return;
  }
}

std::string_view Cursor::String(std::string& scratch) {
  Space();
  const char* start = at_ + 1;
  SkipString();
  if (failed_) return {};
  std::string_view raw(start, at_ - 1 - start);
  if (memchr(raw.data(), '\\', raw.size()) == nullptr) return raw;
  return Unescape(raw, scratch);
}

std::string_view Cursor::Unescape(std::string_view raw, std::string& scratch) {
  scratch.clear();
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      scratch += raw[i];
      continue;
    }
    if (++i >= raw.size()) break;
    switch (raw[i]) {
      case 'n':
        scratch += '\n';
        break;
      case 't':
        scratch += '\t';
        break;
      case 'r':
        scratch += '\r';
        break;
      case 'b':
        scratch += '\b';
        break;
      case 'f':
        scratch += '\f';
        break;
      case 'u': {
        int32_t code = Hex4(raw.substr(i + 1));
        if (code < 0) {
          Fail();
          return {};
        }
        i += 4;
        if (code >= 0xd800 && code < 0xdc00 && raw.substr(i + 1).starts_with("\\u")) {
          int32_t low = Hex4(raw.substr(i + 3));
          if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            i += 6;
          }
        }
        AppendUtf8(code >= 0xd800 && code < 0xe000 ? 0xfffd : code, scratch);
        break;
      }
      default:
        scratch += raw[i];
    }
  }
  return scratch;
}

std::string_view Cursor::Number() {
  Space();
  const char* start = at_;
  while (at_ < end_ &&
         ((*at_ >= '0' && *at_ <= '9') || *at_ == '-' || *at_ == '+' || *at_ == '.' || *at_ == 'e' || *at_ == 'E')) {
    ++at_;
  }
  if (at_ == start) Fail();
  return {start, static_cast<size_t>(at_ - start)};
}

bool Cursor::Bool() {
  Space();
  std::string_view rest(at_, end_ - at_);
  if (rest.starts_with("true")) {
    at_ += 4;
    return true;
  }
  if (rest.starts_with("false")) {
    at_ += 5;
  } else {
    Fail();
  }
  return false;
}

std::string_view Cursor::Skip() {
  Space();
  const char* start = at_;
  size_t depth = 0;
  do {
    if (at_ >= end_) {
      Fail();
      return {};
    }
    switch (*at_) {
      case '{':
      case '[':
        ++depth;
        ++at_;
        break;
      case '}':
      case ']':
        if (depth == 0) {
          Fail();
          return {};
        }
        --depth;
        ++at_;
        break;
      case '"':
        SkipString();
        if (failed_) return {};
        break;
      case ',':
      case ':':
      case ' ':
      case '\n':
      case '\t':
      case '\r':
        ++at_;
        break;
      default: {  // a number or literal
        const char* word = at_;
        while (at_ < end_ && *at_ != ',' && *at_ != '}' && *at_ != ']' && *at_ != ':' && *at_ != '"' && *at_ > ' ') ++at_;
        if (at_ == word) {
          Fail();
          return {};
        }
      }
    }
  } while (depth > 0);
  return {start, static_cast<size_t>(at_ - start)};
}

}  // namespace sampan::json
