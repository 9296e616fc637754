// Small steps in JSON documents that strategies and admission share. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "codec/json.h"

namespace sampan::apiserver {

// The member as an object, made (or replaced, when it is none) so that it can be written to.
json::Object& ObjectAt(json::Value& parent, std::string_view key);
json::Array& ArrayAt(json::Value& parent, std::string_view key);
// Null when absent or of another type.
const json::Object* FindObject(const json::Value& parent, std::string_view key);
const json::Array* FindArray(const json::Value* value);
std::optional<int64_t> FindInt(const json::Value* value);
bool FindBool(const json::Value* value);

inline json::Object& MetadataOf(json::Value& object) {
  return ObjectAt(object, "metadata");
}
std::string_view NameOf(const json::Value& object);

// Gives `object` the member that `from` has, or none when it has none.
void CopyMember(json::Value& object, const json::Value& from, std::string_view key);
void Remove(json::Value& object, std::string_view key);
bool SameMember(const json::Value& a, const json::Value& b, std::string_view key);

// Whose write it is: the server may add a little (a deletion's time, a binding) to what is as large as a client may make it.
enum class WriteOf : bool { kClient, kServer };
// The object's text for the store (api::ToStored). One that is too large with its managedFields is stored without them.
Result<std::string> StoredText(json::Value& object, WriteOf write);

}  // namespace sampan::apiserver
