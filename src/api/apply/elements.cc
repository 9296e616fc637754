#include "api/apply/elements.h"

namespace sampan::api {

bool IsLeaf(const Type& type, const json::Value& value) {
  switch (type.kind) {
    case TypeKind::kObject:
    case TypeKind::kMap:
      return type.atomic || !value.is_object();
    case TypeKind::kList:
      return type.list_type == ListType::kAtomic || !value.is_array();
    default:
      return true;
  }
}

const Type* MemberType(const Type& type, std::string_view key) {
  if (type.kind == TypeKind::kMap) return type.element;
  const Field* field = type.Find(key);
  return field != nullptr ? field->type : type.element;
}

void AppendElementKey(const Type& list, const json::Value& element, std::string& out) {
  if (list.list_type == ListType::kSet) {
    out += "v:";
    json::SerializeTo(element, out);
    return;
  }
  // The keys stand in the order of their names.
  std::array<std::string_view, 8> keys;
  size_t count = std::min(keys.size(), list.list_keys.size());
  std::copy_n(list.list_keys.begin(), count, keys.begin());
  std::sort(keys.begin(), keys.begin() + count);
  out += "k:{";
  bool first = true;
  for (std::string_view key : std::span(keys).first(count)) {
    const json::Value* value = json::Find(element, key);
    const Field* field = list.element == nullptr ? nullptr : list.element->Find(key);
    bool absent = value == nullptr || value->is_null();
    if (absent && (field == nullptr || field->default_json.empty())) continue;
    if (!first) out += ',';
    first = false;
    json::AppendQuoted(key, out);
    out += ':';
    if (absent) {
      out += field->default_json;
    } else {
      json::SerializeTo(*value, out);
    }
  }
  out += '}';
}

std::string ElementKey(const Type& list, const json::Value& element) {
  std::string key;
  AppendElementKey(list, element, key);
  return key;
}

}  // namespace sampan::api
