// Reads JSON text in one forward pass without building values: for stored objects, whose text is known to be well-formed.
// On malformed text it stops and failed() is true; it never reads outside the text. It does not validate what it skips.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "codec/json_scan.h"

namespace sampan::json {

class Cursor : Scanner {
 public:
  // `text` outlives the cursor and the views it hands out.
  explicit Cursor(std::string_view text) : Scanner(text.data(), text.data() + text.size()) {}

  enum class Token : uint8_t { kEnd, kNull, kBool, kNumber, kString, kArray, kObject };
  Token Peek();  // what comes next; white space is consumed
  bool failed() const { return failed_; }
  const char* position() const { return at_; }

  // Calls f(key) for each member; f must consume the member's value, and may return false to stop the whole scan there
  // (the cursor then stands inside the object). False when this is no object, or after a stop or a failure.
  template <class F>
  bool Object(F f);
  // Calls f() for each element; f must consume it.
  template <class F>
  bool Array(F f);

  // A string: a view into the text when it has no escapes, else into `scratch`.
  std::string_view String(std::string& scratch);
  std::string_view Number();  // its characters
  bool Bool();
  // Consumes any value and returns its text.
  std::string_view Skip();

 private:
  void Fail() {
    failed_ = true;
    at_ = end_;
  }
  void SkipString();
  std::string_view Unescape(std::string_view raw, std::string& scratch);

  bool failed_ = false;
};

template <class F>
bool Cursor::Object(F f) {
  if (!Take('{')) {
    Fail();
    return false;
  }
  if (Take('}')) return true;
  std::string scratch;
  do {
    Space();
    std::string_view key = String(scratch);
    if (failed_ || !Take(':')) {
      Fail();
      return false;
    }
    if (!f(key)) return false;
    if (failed_) return false;
  } while (Take(','));
  if (Take('}')) return true;
  Fail();
  return false;
}

template <class F>
bool Cursor::Array(F f) {
  if (!Take('[')) {
    Fail();
    return false;
  }
  if (Take(']')) return true;
  do {
    f();
    if (failed_) return false;
  } while (Take(','));
  if (Take(']')) return true;
  Fail();
  return false;
}

}  // namespace sampan::json
