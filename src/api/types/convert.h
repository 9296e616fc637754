// Between generated structs and JSON. T is any struct of api/types/<group>.h.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "codec/json.h"

namespace sampan::api {

namespace types {
struct StructInfo;
// Defined once per struct in generated sources.
template <class T>
struct Describe {
  static const StructInfo kInfo;
};
enum class OnMismatch : unsigned char { kSkip, kFail };
Result<void> DecodeValue(const json::Value& value, const StructInfo& info, void* out, OnMismatch on_mismatch);
Result<void> DecodeBytes(std::string_view text, const StructInfo& info, void* out);
json::Value Encode(const StructInfo& info, const void* in);
void EncodeTo(const StructInfo& info, const void* in, std::string& out);
}  // namespace types

// BadRequest naming the first field whose JSON type does not fit. Unknown fields are ignored.
template <class T>
Result<T> FromJson(const json::Value& value) {
  T out{};
  TRY_VOID(types::DecodeValue(value, types::Describe<T>::kInfo, &out, types::OnMismatch::kFail));
  return out;
}

// From text that is known to be well-formed JSON (stored or just serialised): no value in between, several times faster.
// BadRequest when the text is no JSON object; fields of an unexpected type are left empty.
template <class T>
Result<T> FromJsonText(std::string_view text) {
  T out{};
  TRY_VOID(types::DecodeBytes(text, types::Describe<T>::kInfo, &out));
  return out;
}

// Absent and empty members are omitted; a kind gets its apiVersion and kind.
template <class T>
json::Value ToJson(const T& object) {
  return types::Encode(types::Describe<T>::kInfo, &object);
}
template <class T>
std::string ToJsonText(const T& object) {
  std::string out;
  types::EncodeTo(types::Describe<T>::kInfo, &object, out);
  return out;
}

}  // namespace sampan::api
