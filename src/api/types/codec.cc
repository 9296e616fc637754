// The one interpreter of member tables: reads a json::Value or JSON text into a struct, and writes a struct as either.
#include <charconv>
#include <cmath>
#include <limits>

#include "api/object.h"
#include "api/types/convert.h"
#include "api/types/describe.h"
#include "codec/base64.h"
#include "codec/json_cursor.h"

namespace sampan::api::types {
namespace {

using json::Cursor;

// A source of values: a json::Value (may be read in any order) or a Cursor (forward only).
class ValueSource {
 public:
  explicit ValueSource(const json::Value& value) : value_(&value) {}
  Cursor::Token Peek() const {
    switch (value_->kind()) {
      case json::Kind::null:
        return Cursor::Token::kNull;
      case json::Kind::bool_:
        return Cursor::Token::kBool;
      case json::Kind::string:
        return Cursor::Token::kString;
      case json::Kind::array:
        return Cursor::Token::kArray;
      case json::Kind::object:
        return Cursor::Token::kObject;
      default:
        return Cursor::Token::kNumber;
    }
  }
  template <class F>
  void Object(F f) {
    for (const auto& member : value_->get_object()) {
      ValueSource child(member.value());
      f(std::string_view(member.key().data(), member.key().size()), child);
    }
  }
  template <class F>
  void Array(F f) {
    for (const json::Value& element : value_->get_array()) {
      ValueSource child(element);
      f(child);
    }
  }
  std::string_view String() const { return json::FindString(value_); }
  bool Bool() const { return value_->get_bool(); }
  template <class T>
  bool Number(T& out) const {
    boost::system::error_code ec;
    T number = value_->to_number<T>(ec);
    if (!ec) out = number;
    return !ec;
  }
  json::Value Any() const { return *value_; }
  void Skip() {}

 private:
  const json::Value* value_;
};

class TextSource {
 public:
  explicit TextSource(std::string_view text) : cursor_(text) {}
  Cursor::Token Peek() { return cursor_.Peek(); }
  template <class F>
  void Object(F f) {
    cursor_.Object([&](std::string_view key) {
      f(key, *this);
      return true;
    });
  }
  template <class F>
  void Array(F f) {
    cursor_.Array([&] { f(*this); });
  }
  std::string_view String() { return cursor_.String(scratch_); }
  bool Bool() { return cursor_.Bool(); }
  template <class T>
  bool Number(T& out) {
    std::string_view text = cursor_.Number();
    T number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) {
      out = number;
      return true;
    }
    if constexpr (std::is_integral_v<T>) {
      double real = 0;
      if (std::from_chars(text.data(), text.data() + text.size(), real).ec != std::errc()) return false;
      // The upper limit itself is no double; the next one above it is.
      constexpr double kBeyond = static_cast<double>(std::numeric_limits<T>::max() / 2 + 1) * 2;
      if (real != std::floor(real) || real < -kBeyond || real >= kBeyond) return false;
      out = static_cast<T>(real);
      return true;
    }
    return false;
  }
  json::Value Any() {
    json::ParseOptions options;
    options.max_bytes = std::numeric_limits<size_t>::max();
    options.max_depth = kMaxStoredDepth;
    auto value = json::Parse(cursor_.Skip(), options);
    return value ? *std::move(value) : json::Value();
  }
  void Skip() { cursor_.Skip(); }
  bool failed() const { return cursor_.failed(); }

 private:
  Cursor cursor_;
  std::string scratch_;
};

template <class Source>
class Decoder {
 public:
  // The first member whose JSON type does not fit; empty when all do.
  const std::string& mismatch() const { return mismatch_; }

  void Struct(Source& source, const StructInfo& info, void* out) {
    size_t next = 0;  // canonical JSON has the members in table order: start the search behind the last hit
    source.Object([&](std::string_view key, Source& child) {
      for (size_t step = 0; step < info.members.size(); ++step) {
        const Member& member = info.members[next];
        if (++next == info.members.size()) next = 0;
        if (member.name != key) continue;
        if (!Decode(child, *member.value, static_cast<char*>(out) + member.offset) && mismatch_.empty()) mismatch_ = key;
        return;
      }
      child.Skip();
    });
  }

 private:
  // False, with the value consumed and `out` untouched, when the JSON type does not fit.
  bool Decode(Source& source, const Value& value, void* out) {
    Cursor::Token token = source.Peek();
    if (token == Cursor::Token::kNull && value.shape != Shape::kAny) {
      source.Skip();
      return true;
    }
    switch (value.shape) {
      case Shape::kStruct:
        if (token != Cursor::Token::kObject) break;
        Struct(source, *value.object, out);
        return true;
      case Shape::kOptional:
        return Fits(*value.element, token) ? Decode(source, *value.element, value.ops->append(out, {})) : Mismatch(source);
      case Shape::kList:
        if (token != Cursor::Token::kArray) break;
        source.Array([&](Source& child) { Note(Decode(child, *value.element, value.ops->append(out, {}))); });
        return true;
      case Shape::kMap:
        if (token != Cursor::Token::kObject) break;
        source.Object(
            [&](std::string_view key, Source& child) { Note(Decode(child, *value.element, value.ops->append(out, key))); });
        value.ops->settle(out);
        return true;
      default:
        return Fits(value, token) ? Scalar(source, value.shape, token, out) : Mismatch(source);
    }
    return Mismatch(source);
  }

  bool Mismatch(Source& source) {
    source.Skip();
    return false;
  }
  void Note(bool fits) {
    if (!fits && mismatch_.empty()) mismatch_ = "element";
  }

  static bool Fits(const Value& value, Cursor::Token token) {
    switch (value.shape) {
      case Shape::kString:
      case Shape::kBytes:
      case Shape::kTime:
      case Shape::kMicroTime:
        return token == Cursor::Token::kString;
      case Shape::kBool:
        return token == Cursor::Token::kBool;
      case Shape::kInt32:
      case Shape::kInt64:
      case Shape::kDouble:
        return token == Cursor::Token::kNumber;
      case Shape::kQuantity:
      case Shape::kIntOrString:
        return token == Cursor::Token::kNumber || token == Cursor::Token::kString;
      case Shape::kStruct:
      case Shape::kMap:
        return token == Cursor::Token::kObject;
      case Shape::kList:
        return token == Cursor::Token::kArray;
      default:
        return true;
    }
  }

  bool Scalar(Source& source, Shape shape, Cursor::Token token, void* out) {
    switch (shape) {
      case Shape::kString:
        *static_cast<std::string*>(out) = source.String();
        return true;
      case Shape::kBytes:
        return Assign<std::string>(base64::Decode(source.String()), out);
      case Shape::kBool:
        *static_cast<bool*>(out) = source.Bool();
        return true;
      case Shape::kInt32:
        return source.Number(*static_cast<int32_t*>(out));
      case Shape::kInt64:
        return source.Number(*static_cast<int64_t*>(out));
      case Shape::kDouble:
        return source.Number(*static_cast<double*>(out));
      case Shape::kTime:
      case Shape::kMicroTime:
        return Assign<WallTime>(ParseTime(source.String()), out);
      case Shape::kQuantity: {
        if (token == Cursor::Token::kString) return Assign<Quantity>(Quantity::Parse(source.String()), out);
        double number = 0;
        return source.Number(number) && Assign<Quantity>(Quantity::Parse(fmt::format("{}", number)), out);
      }
      case Shape::kIntOrString: {
        if (token == Cursor::Token::kString) {
          *static_cast<IntOrString*>(out) = std::string(source.String());
          return true;
        }
        int32_t number = 0;
        bool fits = source.Number(number);
        if (fits) *static_cast<IntOrString*>(out) = number;
        return fits;
      }
      default:
        *static_cast<json::Value*>(out) = source.Any();
        return true;
    }
  }

  template <class T, class Maybe>
  static bool Assign(Maybe maybe, void* out) {
    if (!maybe) return false;
    *static_cast<T*>(out) = *std::move(maybe);
    return true;
  }

  std::string mismatch_;
};

// True when the member is absent from JSON.
bool IsEmpty(const Value& value, const void* in) {
  switch (value.shape) {
    case Shape::kString:
    case Shape::kBytes:
      return static_cast<const std::string*>(in)->empty();
    case Shape::kAny:
      return static_cast<const json::Value*>(in)->is_null();
    case Shape::kOptional:
    case Shape::kList:
    case Shape::kMap:
      return value.ops->size(in) == 0;
    case Shape::kStruct:
      for (const Member& member : value.object->members) {
        if (member.required || !IsEmpty(*member.value, static_cast<const char*>(in) + member.offset)) return false;
      }
      return true;
    default:
      return false;
  }
}

bool IsWritten(const Member& member, const void* in) {
  if (!member.required) return !IsEmpty(*member.value, in);
  // A required value that has no zero form (a time, free JSON) is still left out when absent.
  return (member.value->shape != Shape::kOptional && member.value->shape != Shape::kAny) || !IsEmpty(*member.value, in);
}

class TextWriter {
 public:
  explicit TextWriter(std::string& out) : out_(out) {}

  void Struct(const StructInfo& info, const void* in) {
    out_ += '{';
    bool first = true;
    if (!info.kind.empty()) {
      out_ += fmt::format(R"("kind":"{}","apiVersion":"{}")", info.kind, info.api_version);
      first = false;
    }
    for (const Member& member : info.members) {
      const void* at = static_cast<const char*>(in) + member.offset;
      if (!IsWritten(member, at)) continue;
      if (!std::exchange(first, false)) out_ += ',';
      json::AppendQuoted(member.name, out_);
      out_ += ':';
      Write(*member.value, at);
    }
    out_ += '}';
  }

 private:
  void Write(const Value& value, const void* in) {
    switch (value.shape) {
      case Shape::kString:
        return json::AppendQuoted(*static_cast<const std::string*>(in), out_);
      case Shape::kBytes:
        out_ += '"';
        base64::EncodeTo(*static_cast<const std::string*>(in), out_);
        out_ += '"';
        return;
      case Shape::kBool:
        out_ += *static_cast<const bool*>(in) ? "true" : "false";
        return;
      case Shape::kInt32:
        return Append(*static_cast<const int32_t*>(in));
      case Shape::kInt64:
        return Append(*static_cast<const int64_t*>(in));
      case Shape::kDouble:
        return json::SerializeTo(*static_cast<const double*>(in), out_);
      case Shape::kTime:
        return json::AppendQuoted(FormatTime(*static_cast<const WallTime*>(in)), out_);
      case Shape::kMicroTime:
        return json::AppendQuoted(FormatMicroTime(*static_cast<const WallTime*>(in)), out_);
      case Shape::kQuantity:
        return json::AppendQuoted(static_cast<const Quantity*>(in)->ToString(), out_);
      case Shape::kIntOrString: {
        const auto& both = *static_cast<const IntOrString*>(in);
        return both.is_string() ? json::AppendQuoted(both.text(), out_) : Append(both.number());
      }
      case Shape::kAny:
        return json::SerializeTo(*static_cast<const json::Value*>(in), out_);
      case Shape::kStruct:
        return Struct(*value.object, in);
      case Shape::kOptional:
        return Write(*value.element, value.ops->at(in, 0));
      case Shape::kList:
      case Shape::kMap:
        return Container(value, in);
    }
  }

  void Container(const Value& value, const void* in) {
    bool map = value.shape == Shape::kMap;
    out_ += map ? '{' : '[';
    size_t size = value.ops->size(in);
    for (size_t i = 0; i < size; ++i) {
      if (i > 0) out_ += ',';
      if (map) {
        json::AppendQuoted(value.ops->key(in, i), out_);
        out_ += ':';
      }
      Write(*value.element, value.ops->at(in, i));
    }
    out_ += map ? '}' : ']';
  }

  void Append(int64_t number) { fmt::format_to(std::back_inserter(out_), "{}", number); }

  std::string& out_;
};

json::Value EncodeValue(const Value& value, const void* in) {
  switch (value.shape) {
    case Shape::kString: {
      const auto& text = *static_cast<const std::string*>(in);
      return json::Value(boost::json::string_view(text.data(), text.size()));
    }
    case Shape::kBytes:
      return json::Value(base64::Encode(*static_cast<const std::string*>(in)));
    case Shape::kBool:
      return json::Value(*static_cast<const bool*>(in));
    case Shape::kInt32:
      return json::Value(*static_cast<const int32_t*>(in));
    case Shape::kInt64:
      return json::Value(*static_cast<const int64_t*>(in));
    case Shape::kDouble:
      return json::Value(*static_cast<const double*>(in));
    case Shape::kTime:
      return json::Value(FormatTime(*static_cast<const WallTime*>(in)));
    case Shape::kMicroTime:
      return json::Value(FormatMicroTime(*static_cast<const WallTime*>(in)));
    case Shape::kQuantity:
      return json::Value(static_cast<const Quantity*>(in)->ToString());
    case Shape::kIntOrString: {
      const auto& both = *static_cast<const IntOrString*>(in);
      return both.is_string() ? json::Value(both.text()) : json::Value(both.number());
    }
    case Shape::kAny:
      return *static_cast<const json::Value*>(in);
    case Shape::kStruct:
      return Encode(*value.object, in);
    case Shape::kOptional:
      return EncodeValue(*value.element, value.ops->at(in, 0));
    case Shape::kList: {
      json::Array array;
      size_t size = value.ops->size(in);
      array.reserve(size);
      for (size_t i = 0; i < size; ++i) array.push_back(EncodeValue(*value.element, value.ops->at(in, i)));
      return array;
    }
    case Shape::kMap: {
      json::Object object;
      size_t size = value.ops->size(in);
      for (size_t i = 0; i < size; ++i) {
        std::string_view key = value.ops->key(in, i);
        object.emplace(boost::json::string_view(key.data(), key.size()), EncodeValue(*value.element, value.ops->at(in, i)));
      }
      return object;
    }
  }
  return nullptr;
}

}  // namespace

Result<void> DecodeValue(const json::Value& value, const StructInfo& info, void* out, OnMismatch on_mismatch) {
  if (!value.is_object()) return Fail(Error::BadRequest("expected a JSON object"));
  Decoder<ValueSource> decoder;
  ValueSource source(value);
  decoder.Struct(source, info, out);
  if (on_mismatch == OnMismatch::kFail && !decoder.mismatch().empty()) {
    return Fail(Error::BadRequest("field \"{}\" has a value of an unexpected type", decoder.mismatch()));
  }
  return {};
}

Result<void> DecodeBytes(std::string_view text, const StructInfo& info, void* out) {
  TextSource source(text);
  if (source.Peek() != Cursor::Token::kObject) return Fail(Error::BadRequest("expected a JSON object"));
  Decoder<TextSource> decoder;
  decoder.Struct(source, info, out);
  if (source.failed()) return Fail(Error::BadRequest("malformed JSON"));
  return {};
}

json::Value Encode(const StructInfo& info, const void* in) {
  json::Object object;
  if (!info.kind.empty()) {
    object.emplace("kind", boost::json::string_view(info.kind.data(), info.kind.size()));
    object.emplace("apiVersion", boost::json::string_view(info.api_version.data(), info.api_version.size()));
  }
  for (const Member& member : info.members) {
    const void* at = static_cast<const char*>(in) + member.offset;
    if (!IsWritten(member, at)) continue;
    object.emplace(boost::json::string_view(member.name.data(), member.name.size()), EncodeValue(*member.value, at));
  }
  return object;
}

void EncodeTo(const StructInfo& info, const void* in, std::string& out) {
  TextWriter(out).Struct(info, in);
}

}  // namespace sampan::api::types
