#include "codec/json.h"

#include <charconv>
#include <cmath>
#include <system_error>

#include <boost/json/basic_parser_impl.hpp>

#include "codec/json_scan.h"

namespace sampan::json {
namespace {

namespace bj = boost::json;

// Builds the value and, on request, notes duplicated keys. Boost keeps the last of equal keys.
class Handler {
 public:
  static constexpr size_t max_object_size = SIZE_MAX;
  static constexpr size_t max_array_size = SIZE_MAX;
  static constexpr size_t max_key_size = SIZE_MAX;
  static constexpr size_t max_string_size = SIZE_MAX;
  using error_code = boost::system::error_code;

  explicit Handler(std::vector<std::string>* duplicates) : duplicates_(duplicates) {}

  bool on_document_begin(error_code&) {
    stack_.reset();
    return true;
  }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return Open('{'); }
  bool on_object_end(size_t n, error_code&) {
    stack_.push_object(n);
    if (duplicates_ != nullptr) NoteDuplicates();
    return Close();
  }
  bool on_array_begin(error_code&) { return Open('['); }
  bool on_array_end(size_t n, error_code&) {
    stack_.push_array(n);
    return Close();
  }
  bool on_key_part(bj::string_view part, size_t, error_code&) {
    stack_.push_chars(part);
    if (duplicates_ != nullptr) key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(bj::string_view part, size_t, error_code&) {
    stack_.push_key(part);
    if (duplicates_ != nullptr) {
      key_.append(part.data(), part.size());
      frames_.back().keys.push_back(std::move(key_));
      key_.clear();
    }
    after_key_ = true;
    return true;
  }
  bool on_string_part(bj::string_view part, size_t, error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(bj::string_view part, size_t, error_code&) {
    stack_.push_string(part);
    return Scalar();
  }
  bool on_number_part(bj::string_view, error_code&) { return true; }
  bool on_int64(int64_t i, bj::string_view, error_code&) {
    stack_.push_int64(i);
    return Scalar();
  }
  bool on_uint64(uint64_t u, bj::string_view, error_code&) {
    stack_.push_uint64(u);
    return Scalar();
  }
  bool on_double(double d, bj::string_view text, error_code& ec) {
    // Boost's own conversion may be off in the last place; the text arrives in one piece because the input does.
    std::from_chars(text.data(), text.data() + text.size(), d);
    if (!std::isfinite(d)) {
      ec = bj::error::exponent_overflow;
      return false;
    }
    stack_.push_double(d);
    return Scalar();
  }
  bool on_bool(bool b, error_code&) {
    stack_.push_bool(b);
    return Scalar();
  }
  bool on_null(error_code&) {
    stack_.push_null();
    return Scalar();
  }
  bool on_comment_part(bj::string_view, error_code&) { return true; }
  bool on_comment(bj::string_view, error_code&) { return true; }

  Value Release() { return stack_.release(); }
  char container() const { return frames_.empty() ? 0 : frames_.back().kind; }
  bool after_key() const { return after_key_; }

 private:
  struct Frame {
    char kind;
    size_t index = 0;  // arrays: of the element that is being read
    std::vector<std::string> keys;
  };

  bool Open(char kind) {
    frames_.push_back({kind, 0, {}});
    after_key_ = false;
    return true;
  }
  bool Close() {
    frames_.pop_back();
    return Scalar();
  }
  bool Scalar() {
    after_key_ = false;
    if (!frames_.empty()) ++frames_.back().index;
    return true;
  }

  void NoteDuplicates() {
    std::vector<std::string>& keys = frames_.back().keys;
    if (keys.size() < 2) return;
    std::vector<std::string_view> sorted(keys.begin(), keys.end());
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 1; i < sorted.size() && noted_ < kMaxNoted; ++i) {
      if (sorted[i] != sorted[i - 1] || (i > 1 && sorted[i] == sorted[i - 2])) continue;
      duplicates_->push_back(Path() + std::string(sorted[i]));
      noted_ += kMaxNoted / kMaxDuplicates + duplicates_->back().size();
    }
  }

  // Of the open object: "spec.containers[0]." or "".
  std::string Path() const {
    std::string path;
    for (size_t i = 0; i + 1 < frames_.size(); ++i) {
      const Frame& frame = frames_[i];
      if (frame.kind == '[') {
        path += fmt::format("[{}]", frame.index);
      } else {
        if (!path.empty()) path += '.';
        path += frame.keys.back();
      }
    }
    if (!path.empty()) path += '.';
    return path;
  }

  // So many bytes of paths are kept: a path may be as long as the text, and so may the number of paths be.
  static constexpr size_t kMaxNoted = 256 * 1024;

  bj::value_stack stack_;
  std::vector<std::string>* duplicates_;
  size_t noted_ = 0;
  std::vector<Frame> frames_;
  std::string key_;
  bool after_key_ = false;
};

std::string Show(unsigned char c) {
  if (c == '\'') return "'\\''";
  if (c == '\n') return "'\\n'";
  if (c == '\r') return "'\\r'";
  if (c == '\t') return "'\\t'";
  if (c < 0x20 || c >= 0x7f) return fmt::format("'\\x{:02x}'", c);
  return fmt::format("'{}'", static_cast<char>(c));
}

// What a reader of kube-apiserver's messages expects for a fault at `at`.
std::string Describe(std::string_view text, size_t at, const Handler& handler, const boost::system::error_code& ec) {
  if (ec == bj::error::too_deep) return "exceeded max depth";
  if (ec == bj::error::incomplete || at >= text.size()) return "unexpected end of JSON input";
  if (ec == bj::error::exponent_overflow) return fmt::format("number out of range at offset {}", at);
  bool in_string = static_cast<unsigned char>(text[at]) < 0x20 && text[at] != '\n' && text[at] != '\t' && text[at] != '\r';
  if (in_string || static_cast<unsigned char>(text[at]) >= 0x80 || ec == bj::error::illegal_leading_surrogate ||
      ec == bj::error::illegal_trailing_surrogate || ec == bj::error::expected_hex_digit) {
    return fmt::format("invalid character {} in string literal at offset {}", Show(text[at]), at);
  }
  size_t before = at;
  while (before > 0 && std::strchr(" \t\r\n", text[before - 1]) != nullptr) --before;
  char last = before == 0 ? 0 : text[before - 1];
  bool in_object = handler.container() == '{';
  const char* where = "after top-level value";
  if (last == ':' || last == '[' || last == 0 || (last == ',' && !in_object)) {
    where = "looking for beginning of value";
  } else if (last == '{' || last == ',') {
    where = "looking for beginning of object key string";
  } else if (in_object) {
    where = handler.after_key() && last == '"' ? "after object key" : "after object key:value pair";
  } else if (handler.container() == '[') {
    where = "after array element";
  }
  return fmt::format("invalid character {} {} at offset {}", Show(text[at]), where, at);
}

void AppendDouble(double d, std::string& out) {
  std::array<char, 32> buffer;
  if (d == 0) d = 0;  // no minus zero: it would read back as an integer
  double magnitude = std::abs(d);
  auto format =
      magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21) ? std::chars_format::scientific : std::chars_format::fixed;
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), d, format).ptr;
  out.append(buffer.data(), end);
}

template <class T>
void AppendInteger(T value, std::string& out) {
  std::array<char, 24> buffer;
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}

double AsDouble(const Value& v) {
  if (v.is_double()) return v.get_double();
  return v.is_uint64() ? static_cast<double>(v.get_uint64()) : static_cast<double>(v.get_int64());
}

bool IsNumber(const Value& v) {
  return v.is_int64() || v.is_uint64() || v.is_double();
}

bool EqualNumbers(const Value& a, const Value& b) {
  if (a.is_double() || b.is_double()) return AsDouble(a) == AsDouble(b);
  bool a_big = a.is_uint64() && a.get_uint64() > static_cast<uint64_t>(INT64_MAX);
  bool b_big = b.is_uint64() && b.get_uint64() > static_cast<uint64_t>(INT64_MAX);
  if (a_big || b_big) return a_big && b_big && a.get_uint64() == b.get_uint64();
  return a.to_number<int64_t>() == b.to_number<int64_t>();
}

}  // namespace

Result<Value> Parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.max_bytes) {
    return Fail(Error(Reason::kRequestEntityTooLarge, fmt::format("limit is {}", options.max_bytes)));
  }
  bj::parse_options limits;
  limits.max_depth = options.max_depth;
  bj::basic_parser<Handler> parser(limits, options.duplicates);
  boost::system::error_code ec;
  size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && used < text.size()) ec = bj::error::extra_data;
  if (ec) {
    return Fail(Error(Reason::kBadRequest, Describe(text, used, parser.handler(), ec)));
  }
  return parser.handler().Release();
}

void AppendQuoted(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  const char* end = text.data() + text.size();
  for (const char* at = text.data(); true; ++at) {
    const char* special = SkipPlain<Alphabet::kBytes>(at, end);
    out.append(at, special);
    if (special == end) break;
    at = special;
    const auto c = static_cast<unsigned char>(*at);
    out += '\\';
    switch (c) {
      case '"':
      case '\\':
        out += static_cast<char>(c);
        break;
      case '\n':
        out += 'n';
        break;
      case '\r':
        out += 'r';
        break;
      case '\t':
        out += 't';
        break;
      case '\b':
        out += 'b';
        break;
      case '\f':
        out += 'f';
        break;
      default:
        out += "u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out += '"';
}

void SerializeTo(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::null:
      out += "null";
      return;
    case Kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case Kind::int64:
      return AppendInteger(value.get_int64(), out);
    case Kind::uint64:
      return AppendInteger(value.get_uint64(), out);
    case Kind::double_:
      return AppendDouble(value.get_double(), out);
    case Kind::string: {
      const String& text = value.get_string();
      return AppendQuoted({text.data(), text.size()}, out);
    }
    case Kind::array: {
      out += '[';
      bool first = true;
      for (const Value& element : value.get_array()) {
        if (!std::exchange(first, false)) out += ',';
        SerializeTo(element, out);
      }
      out += ']';
      return;
    }
    case Kind::object: {
      out += '{';
      bool first = true;
      for (const auto& member : value.get_object()) {
        if (!std::exchange(first, false)) out += ',';
        AppendQuoted({member.key().data(), member.key().size()}, out);
        out += ':';
        SerializeTo(member.value(), out);
      }
      out += '}';
      return;
    }
  }
}

std::string Serialize(const Value& value) {
  std::string out;
  SerializeTo(value, out);
  return out;
}

const Value* Find(const Value& value, std::string_view key) {
  const Object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains({key.data(), key.size()});
}

std::string_view FindString(const Value* value, std::string_view fallback) {
  const String* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? fallback : std::string_view(text->data(), text->size());
}

bool Equal(const Value& a, const Value& b) {
  if (IsNumber(a) && IsNumber(b)) return EqualNumbers(a, b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::bool_:
      return a.get_bool() == b.get_bool();
    case Kind::string:
      return a.get_string() == b.get_string();
    case Kind::array:
      return std::equal(a.get_array().begin(), a.get_array().end(), b.get_array().begin(), b.get_array().end(), &Equal);
    case Kind::object: {
      const Object& other = b.get_object();
      if (a.get_object().size() != other.size()) return false;
      for (const auto& member : a.get_object()) {
        const Value* match = other.if_contains(member.key());
        if (match == nullptr || !Equal(member.value(), *match)) return false;
      }
      return true;
    }
    default:
      return true;  // null
  }
}

}  // namespace sampan::json
