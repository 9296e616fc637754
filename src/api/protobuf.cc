#include "api/protobuf.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "api/meta/instant.h"
#include "codec/base64.h"
#include "codec/protobuf.h"
#include "codec/utf8.h"

namespace sampan::api {
namespace {

using json::Value;
using protobuf::Reader;
using protobuf::Wire;
using protobuf::Writer;

constexpr int kMaxDepth = 128;  // deeper than any type but recursive schemas

std::string_view View(const json::String& text) {
  return {text.data(), text.size()};
}
boost::json::string_view Boost(std::string_view text) {
  return {text.data(), text.size()};
}
int64_t Integer(const Value& value) {
  boost::system::error_code ec;
  auto number = value.to_number<int64_t>(ec);
  return ec ? 0 : number;
}

// ---------------------------------------------------------------------------------------------------------- encoding

class Encoder {
 public:
  explicit Encoder(std::string& out) : writer_(out) {}

  void Message(const Type& type, const Value& value) {
    if (type.kind == TypeKind::kObject) {
      Object(type, value);
    } else {
      Special(type, value);
    }
  }

 private:
  // A present member and the numbers that lead to it: the enclosing messages that JSON inlines, then its own.
  struct Present {
    uint16_t path[3];
    const Type* type;
    const Value* value;
  };

  void Object(const Type& type, const Value& value) {
    const json::Object* object = value.if_object();
    if (object == nullptr) return;
    std::vector<Present> members;
    members.reserve(object->size());
    for (const auto& member : *object) {
      const Field* field = type.Find({member.key().data(), member.key().size()});
      if (field == nullptr || field->proto == 0 || member.value().is_null()) continue;
      Present present{{}, field->type, &member.value()};
      size_t level = 0;
      for (uint16_t parents = field->proto_parent; parents != 0; parents >>= 8) present.path[level++] = parents & 0xff;
      present.path[level] = field->proto;
      members.push_back(present);
    }
    std::sort(members.begin(), members.end(), [](const Present& a, const Present& b) {
      return std::lexicographical_compare(a.path, a.path + 3, b.path, b.path + 3);
    });
    Group(members, 0);
  }

  // Members that share the path above `level`, in order.
  void Group(std::span<const Present> members, size_t level) {
    for (size_t i = 0; i < members.size();) {
      uint16_t number = members[i].path[level];
      bool nested = level < 2 && members[i].path[level + 1] != 0;
      if (!nested) {
        Member(number, *members[i].type, *members[i].value);
        ++i;
        continue;
      }
      size_t end = i;
      while (end < members.size() && members[end].path[level] == number) ++end;
      writer_.Nested(number, [&] { Group(members.subspan(i, end - i), level + 1); });
      i = end;
    }
  }

  void Member(uint32_t number, const Type& type, const Value& value) {
    if (type.kind == TypeKind::kList) {
      if (!value.is_array()) return;
      for (const Value& element : value.get_array()) Single(number, *type.element, element);
    } else if (type.kind == TypeKind::kMap) {
      Map(number, *type.element, value);
    } else {
      Single(number, type, value);
    }
  }

  void Map(uint32_t number, const Type& element, const Value& value) {
    if (!value.is_object()) return;
    std::vector<const boost::json::key_value_pair*> entries;
    for (const auto& member : value.get_object()) entries.push_back(&member);
    std::sort(entries.begin(), entries.end(), [](auto* a, auto* b) { return a->key() < b->key(); });
    for (const auto* entry : entries) {
      writer_.Nested(number, [&] {
        writer_.Bytes(1, {entry->key().data(), entry->key().size()});
        Single(2, element, entry->value());
      });
    }
  }

  // A list inside a list or map has a message of its own, as ExtraValue has.
  void Single(uint32_t number, const Type& type, const Value& value) {
    switch (type.kind) {
      case TypeKind::kString:
      case TypeKind::kDuration:
        return writer_.Bytes(number, value.is_string() ? View(value.get_string()) : std::string_view());
      case TypeKind::kBytes: {
        auto bytes = base64::Decode(json::FindString(&value));
        return writer_.Bytes(number, bytes ? *bytes : std::string_view());
      }
      case TypeKind::kBool:
        return writer_.Varint(number, value.is_bool() && value.get_bool() ? 1 : 0);
      case TypeKind::kInt32:
      case TypeKind::kInt64:
        return writer_.Varint(number, static_cast<uint64_t>(Integer(value)));
      case TypeKind::kDouble: {
        boost::system::error_code ec;
        return writer_.Fixed64(number, std::bit_cast<uint64_t>(value.to_number<double>(ec)));
      }
      case TypeKind::kList:
      case TypeKind::kMap:
        return writer_.Nested(number, [&] { Member(1, type, value); });
      default:
        return writer_.Nested(number, [&] { Message(type, value); });
    }
  }

  // Scalars in JSON that are messages on the wire. Go writes all of their fields, zero or not.
  void Special(const Type& type, const Value& value) {
    switch (type.kind) {
      case TypeKind::kTime:
      case TypeKind::kMicroTime: {
        auto time = ParseInstant(json::FindString(&value));
        if (!time) return;  // the zero time is an empty message
        writer_.Varint(1, static_cast<uint64_t>(time->seconds));
        writer_.Varint(2, type.kind == TypeKind::kTime ? 0 : static_cast<uint64_t>(time->nanoseconds));
        return;
      }
      case TypeKind::kQuantity:
        return writer_.Bytes(1, json::FindString(&value));
      case TypeKind::kIntOrString:
        writer_.Varint(1, value.is_string() ? 1 : 0);
        writer_.Varint(2, value.is_string() ? 0 : static_cast<uint64_t>(Integer(value)));
        writer_.Bytes(3, json::FindString(&value));
        return;
      default:  // free-form JSON
        return writer_.Bytes(1, json::Serialize(value));
    }
  }

  Writer writer_;
};

// ---------------------------------------------------------------------------------------------------------- decoding

Error Malformed(std::string_view what) {
  return Error::BadRequest("malformed protobuf: {}", what);
}

class Decoder {
 public:
  Result<Value> Message(const Type& type, std::string_view bytes) {
    if (++depth_ > kMaxDepth) return Fail(Malformed("nested too deeply"));
    Result<Value> out = Dispatch(type, bytes);
    --depth_;
    return out;
  }

 private:
  Result<Value> Dispatch(const Type& type, std::string_view bytes) {
    if (type.kind != TypeKind::kObject) return Special(type, bytes);
    json::Object object;
    TRY_VOID(Fields(type, bytes, 0, object));
    return Value(std::move(object));
  }

  // Does `number` inside the message `parent` (0: the outermost) hold members of the type?
  static bool IsParent(const Type& type, uint32_t number, uint16_t parent) {
    return std::any_of(type.fields.begin(), type.fields.end(), [&](const Field& field) {
      uint16_t outer = field.proto_parent & 0xff;
      uint16_t inner = field.proto_parent >> 8;
      return parent == 0 ? outer == number : outer == parent && inner == number;
    });
  }

  // Reads the message `parent` of `type` (0: the outermost) into `object`.
  Result<void> Fields(const Type& type, std::string_view bytes, uint16_t parent, json::Object& object) {
    Reader reader(bytes);
    while (auto tag = reader.Next()) {
      const Field* field = tag->number > 0xffff ? nullptr : type.FindProto(static_cast<uint16_t>(tag->number), parent);
      if (field != nullptr) {
        TRY_VOID(Member(*field->type, *tag, object[Boost(field->name)]));
        continue;
      }
      if (tag->wire != Wire::kBytes || tag->number > 0xff || parent > 0xff) continue;
      if (!IsParent(type, tag->number, parent)) continue;
      auto inner = static_cast<uint16_t>(parent == 0 ? tag->number : tag->number << 8 | parent);
      TRY_VOID(Fields(type, tag->bytes, inner, object));
    }
    if (reader.failed()) return Fail(Malformed(type.ShortName()));
    return {};
  }

  Result<void> Member(const Type& type, const Reader::Tag& tag, Value& out) {
    if (type.kind == TypeKind::kList) {
      if (!out.is_array()) out.emplace_array();
      return Element(*type.element, tag, out.get_array());
    }
    if (type.kind == TypeKind::kMap) {
      if (!out.is_object()) out.emplace_object();
      return Entry(*type.element, tag, out.get_object());
    }
    TRY(out, Single(type, tag));
    return {};
  }

  Result<void> Element(const Type& element, const Reader::Tag& tag, json::Array& out) {
    bool number = element.kind == TypeKind::kInt32 || element.kind == TypeKind::kInt64 || element.kind == TypeKind::kBool;
    if (number && tag.wire == Wire::kBytes) {  // packed
      Reader packed(tag.bytes);
      while (!packed.AtEnd()) {
        auto value = packed.RawVarint();
        if (!value) return Fail(Malformed("packed numbers"));
        out.push_back(Number(element, *value));
      }
      return {};
    }
    TRY(Value value, Single(element, tag));
    out.push_back(std::move(value));
    return {};
  }

  Result<void> Entry(const Type& element, const Reader::Tag& tag, json::Object& out) {
    if (tag.wire != Wire::kBytes) return Fail(Malformed("a map entry"));
    std::string_view key;
    Value value;
    if (element.kind == TypeKind::kString || element.kind == TypeKind::kBytes) value = "";
    Reader reader(tag.bytes);
    while (auto part = reader.Next()) {
      if (part->number == 1 && part->wire == Wire::kBytes) {
        key = part->bytes;
      } else if (part->number == 2) {
        TRY(value, Single(element, *part));
      }
    }
    if (reader.failed() || !utf8::IsValid(key)) return Fail(Malformed("a map entry"));
    out[Boost(key)] = std::move(value);
    return {};
  }

  static Value Number(const Type& type, uint64_t raw) {
    if (type.kind == TypeKind::kBool) return raw != 0;
    return type.kind == TypeKind::kInt32 ? Value(static_cast<int32_t>(raw)) : Value(static_cast<int64_t>(raw));
  }

  Result<Value> Single(const Type& type, const Reader::Tag& tag) {
    switch (type.kind) {
      case TypeKind::kBool:
      case TypeKind::kInt32:
      case TypeKind::kInt64:
        if (tag.wire != Wire::kVarint) break;
        return Number(type, tag.number_value);
      case TypeKind::kDouble:
        if (tag.wire != Wire::kFixed64) break;
        return Value(std::bit_cast<double>(tag.number_value));
      case TypeKind::kString:
      case TypeKind::kDuration:
        if (tag.wire != Wire::kBytes) break;
        if (!utf8::IsValid(tag.bytes)) return Fail(Malformed("a string that is not UTF-8"));
        return Value(Boost(tag.bytes));
      case TypeKind::kBytes:
        if (tag.wire != Wire::kBytes) break;
        return Value(base64::Encode(tag.bytes));
      case TypeKind::kList:
      case TypeKind::kMap: {
        if (tag.wire != Wire::kBytes) break;
        Value out;
        if (type.kind == TypeKind::kList) {
          out.emplace_array();
        } else {
          out.emplace_object();
        }
        Reader reader(tag.bytes);
        while (auto inner = reader.Next()) {
          if (inner->number == 1) TRY_VOID(Member(type, *inner, out));
        }
        if (reader.failed()) break;
        return out;
      }
      default:
        if (tag.wire != Wire::kBytes) break;
        return Message(type, tag.bytes);
    }
    return Fail(Malformed(fmt::format("field {} has the wrong wire type for {}", tag.number, GoTypeName(type))));
  }

  Result<Value> Special(const Type& type, std::string_view bytes) {
    int64_t numbers[3] = {0, 0, 0};
    std::string_view texts[4];
    bool text_seen = false;
    Reader reader(bytes);
    while (auto tag = reader.Next()) {
      if (tag->number < 1 || tag->number > 3) continue;
      if (tag->wire == Wire::kVarint) numbers[tag->number - 1] = static_cast<int64_t>(tag->number_value);
      if (tag->wire == Wire::kBytes) {
        texts[tag->number] = tag->bytes;
        text_seen = true;
      }
    }
    if (reader.failed()) return Fail(Malformed(GoTypeName(type)));
    switch (type.kind) {
      case TypeKind::kTime:
      case TypeKind::kMicroTime:
        return Time(type, numbers[0], numbers[1], bytes.empty());
      case TypeKind::kQuantity:
        if (!utf8::IsValid(texts[1])) return Fail(Malformed("a quantity"));
        return Value(Boost(texts[1].empty() ? std::string_view("0") : texts[1]));
      case TypeKind::kIntOrString:
        if (numbers[0] == 0) return Value(static_cast<int32_t>(numbers[1]));
        if (!utf8::IsValid(texts[3])) return Fail(Malformed("a string that is not UTF-8"));
        return Value(Boost(texts[3]));
      default:
        if (!text_seen || texts[1].empty()) return Value(nullptr);
        return json::Parse(texts[1]);
    }
  }

  static Result<Value> Time(const Type& type, int64_t seconds, int64_t nanos, bool zero) {
    constexpr int64_t kYear1 = -62135596800;
    constexpr int64_t kYear10000 = 253402300800;
    if (zero || seconds == kYear1) return Value(nullptr);
    if (seconds < kYear1 || seconds >= kYear10000 || nanos < 0 || nanos > 999'999'999)
      return Fail(Malformed("a time out of range"));
    return Value(
        FormatInstant({seconds, nanos}, type.kind == TypeKind::kTime ? Precision::kSeconds : Precision::kMicroseconds));
  }

  int depth_ = 0;
};

}  // namespace

Result<ProtobufBody> OpenProtobuf(std::string_view body) {
  if (!body.starts_with(kProtobufMagic)) {
    return Fail(Error::BadRequest("provided data does not appear to be a protobuf message, expected prefix k8s"));
  }
  ProtobufBody out;
  Reader reader(body.substr(kProtobufMagic.size()));
  while (auto tag = reader.Next()) {
    if (tag->wire != Wire::kBytes) continue;
    if (tag->number == 2) out.raw = tag->bytes;
    if (tag->number != 1) continue;
    Reader meta(tag->bytes);
    while (auto part = meta.Next()) {
      if (part->wire != Wire::kBytes || !utf8::IsValid(part->bytes)) continue;
      if (part->number == 1) out.api_version = part->bytes;
      if (part->number == 2) out.kind = part->bytes;
    }
    if (meta.failed()) return Fail(Malformed("TypeMeta"));
  }
  if (reader.failed()) return Fail(Malformed("Unknown"));
  return out;
}

Result<Value> FromProtobuf(const Type& type, const ProtobufBody& body) {
  TRY(Value value, Decoder().Message(type, body.raw));
  if (value.is_object()) {
    value.get_object()["kind"] = body.kind;
    value.get_object()["apiVersion"] = body.api_version;
  }
  return value;
}

Result<Value> MessageToJson(const Type& type, std::string_view message) {
  return Decoder().Message(type, message);
}

void AppendMessage(const Type& type, const Value& object, std::string& out) {
  Encoder(out).Message(type, object);
}

std::string ProtobufOpening(std::string_view api_version, std::string_view kind, size_t size) {
  std::string out(kProtobufMagic);
  Writer writer(out);
  writer.Nested(1, [&] {
    writer.Bytes(1, api_version);
    writer.Bytes(2, kind);
  });
  writer.BytesHead(2, size);
  return out;
}

std::string WrapProtobuf(std::string_view api_version, std::string_view kind, std::string_view message) {
  std::string out = ProtobufOpening(api_version, kind, message.size());
  out += message;
  out += kProtobufEnd;
  return out;
}

std::string ToProtobuf(const Type& type, const Value& object) {
  std::string message;
  AppendMessage(type, object, message);
  return WrapProtobuf(json::FindString(json::Find(object, "apiVersion")), json::FindString(json::Find(object, "kind")),
                      message);
}

}  // namespace sampan::api
