#include "apiserver/registry/fields.h"

#include "api/object.h"

namespace sampan::apiserver {

json::Object& ObjectAt(json::Value& parent, std::string_view key) {
  if (!parent.is_object()) parent.emplace_object();
  json::Value& child = parent.as_object()[key];
  if (!child.is_object()) child.emplace_object();
  return child.as_object();
}

json::Array& ArrayAt(json::Value& parent, std::string_view key) {
  if (!parent.is_object()) parent.emplace_object();
  json::Value& child = parent.as_object()[key];
  if (!child.is_array()) child.emplace_array();
  return child.as_array();
}

const json::Object* FindObject(const json::Value& parent, std::string_view key) {
  const json::Value* child = json::Find(parent, key);
  return child == nullptr ? nullptr : child->if_object();
}

const json::Array* FindArray(const json::Value* value) {
  return value == nullptr ? nullptr : value->if_array();
}

std::optional<int64_t> FindInt(const json::Value* value) {
  if (value == nullptr) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  if (value->is_uint64()) return static_cast<int64_t>(value->get_uint64());
  return std::nullopt;
}

bool FindBool(const json::Value* value) {
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::string_view NameOf(const json::Value& object) {
  return json::FindString(json::Find(object, "metadata", "name"));
}

void CopyMember(json::Value& object, const json::Value& from, std::string_view key) {
  const json::Value* value = json::Find(from, key);
  if (value == nullptr) {
    Remove(object, key);
  } else {
    object.as_object()[key] = *value;
  }
}

void Remove(json::Value& object, std::string_view key) {
  if (object.is_object()) object.as_object().erase(key);
}

Result<std::string> StoredText(json::Value& object, WriteOf write) {
  const size_t max_bytes = write == WriteOf::kClient ? api::kMaxWrittenBytes : api::kMaxStoredBytes;
  Result<std::string> text = api::ToStored(object, max_bytes);
  if (text || !text.error().Is(Reason::kRequestEntityTooLarge)) return text;
  if (MetadataOf(object).erase("managedFields") == 0) return text;
  return api::ToStored(object, max_bytes);
}

bool SameMember(const json::Value& a, const json::Value& b, std::string_view key) {
  const json::Value* left = json::Find(a, key);
  const json::Value* right = json::Find(b, key);
  if (left == nullptr || right == nullptr) return left == right;
  return json::Equal(*left, *right);
}

}  // namespace sampan::apiserver
