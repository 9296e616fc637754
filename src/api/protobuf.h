// Between canonical JSON and Kubernetes' protobuf encoding, by the type tables.
#pragma once

#include <string>
#include <string_view>

#include "api/kind.h"
#include "api/schema.h"
#include "base/error.h"
#include "codec/json.h"

namespace sampan::api {

// "application/vnd.kubernetes.protobuf": the magic k8s\0 and a runtime.Unknown with apiVersion, kind and the object.
inline constexpr std::string_view kProtobufMagic{"k8s\0", 4};

struct ProtobufBody {
  std::string api_version;
  std::string kind;
  std::string_view raw;  // the object's message; a view into the body
};
// BadRequest when the magic is absent or the envelope malformed.
Result<ProtobufBody> OpenProtobuf(std::string_view body);

// The object of an opened body as JSON with apiVersion and kind; pass it through DecodeObject before use. BadRequest for
// malformed or too deep messages. Unknown field numbers are skipped, as protobuf demands.
Result<json::Value> FromProtobuf(const Type& type, const ProtobufBody& body);
// One message without envelope.
Result<json::Value> MessageToJson(const Type& type, std::string_view message);

// With envelope; deterministic: fields by number, maps by key. `object` is canonical for `type`.
std::string ToProtobuf(const Type& type, const json::Value& object);
// Appends the bare message.
void AppendMessage(const Type& type, const json::Value& object, std::string& out);

// A list is spliced from items that are encoded already: the envelope around `ListMeta` and repeated items (field 2).
std::string WrapProtobuf(std::string_view api_version, std::string_view kind, std::string_view message);
// The same in parts: what stands before and behind a message of `size` bytes that is not in one piece.
std::string ProtobufOpening(std::string_view api_version, std::string_view kind, size_t size);
inline constexpr std::string_view kProtobufEnd{"\x1a\x00\x22\x00", 4};

}  // namespace sampan::api
