#include "api/schema.h"

#include <algorithm>

#include <fmt/format.h>

namespace sampan::api {

const Field* Type::Find(std::string_view json_name) const {
  auto at = std::lower_bound(fields.begin(), fields.end(), json_name,
                             [](const Field& field, std::string_view wanted) { return field.name < wanted; });
  return at == fields.end() || at->name != json_name ? nullptr : &*at;
}

const Field* Type::FindProto(uint16_t number, uint16_t parent) const {
  for (const Field& field : fields) {
    if (field.proto == number && field.proto_parent == parent) return &field;
  }
  return nullptr;
}

std::string_view Type::ShortName() const {
  size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

std::string GoTypeName(const Type& type) {
  switch (type.kind) {
    case TypeKind::kString:
      return "string";
    case TypeKind::kBytes:
      return "[]uint8";
    case TypeKind::kBool:
      return "bool";
    case TypeKind::kInt32:
      return "int32";
    case TypeKind::kInt64:
      return "int64";
    case TypeKind::kDouble:
      return "float64";
    case TypeKind::kTime:
      return "v1.Time";
    case TypeKind::kMicroTime:
      return "v1.MicroTime";
    case TypeKind::kDuration:
      return "v1.Duration";
    case TypeKind::kQuantity:
      return "resource.Quantity";
    case TypeKind::kIntOrString:
      return "intstr.IntOrString";
    case TypeKind::kList:
      return "[]" + GoTypeName(*type.element);
    case TypeKind::kMap:
      return "map[string]" + GoTypeName(*type.element);
    case TypeKind::kAny:
      return "runtime.RawExtension";
    case TypeKind::kFieldsV1:
      return "v1.FieldsV1";
    case TypeKind::kObject:
      break;
  }
  size_t dot = type.name.rfind('.');
  size_t before = dot == std::string_view::npos || dot == 0 ? dot : type.name.rfind('.', dot - 1);
  return std::string(before == std::string_view::npos ? type.name : type.name.substr(before + 1));
}

const Type* FindType(std::string_view name) {
  auto types = BuiltinTypes();
  auto at = std::lower_bound(types.begin(), types.end(), name,
                             [](const Type* type, std::string_view wanted) { return type->name < wanted; });
  return at == types.end() || (*at)->name != name ? nullptr : *at;
}

std::string_view OwnedTypes::Keep(std::string_view text) {
  return texts_.emplace_back(text);
}

Type* OwnedTypes::NewType(TypeKind kind, std::string_view name) {
  Type& type = types_.emplace_back();
  type.kind = kind;
  type.name = Keep(name);
  return &type;
}

void OwnedTypes::SetFields(Type* type, std::vector<Field> fields) {
  std::vector<uint16_t>& by_name = orders_.emplace_back(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) by_name[i] = static_cast<uint16_t>(i);
  std::sort(by_name.begin(), by_name.end(), [&](uint16_t a, uint16_t b) { return fields[a].name < fields[b].name; });
  std::vector<Field>& sorted = fields_.emplace_back();
  std::vector<uint16_t> order(fields.size());
  for (size_t i = 0; i < by_name.size(); ++i) {
    Field field = fields[by_name[i]];
    field.name = Keep(field.name);
    field.default_json = Keep(field.default_json);
    field.description = Keep(field.description);
    field.patch_merge_key = Keep(field.patch_merge_key);
    order[by_name[i]] = static_cast<uint16_t>(i);
    sorted.push_back(field);
  }
  by_name = std::move(order);
  type->fields = sorted;
  type->order = by_name;
}

std::span<const std::string_view> OwnedTypes::KeepList(const std::vector<std::string_view>& texts) {
  std::vector<std::string_view>& kept = lists_.emplace_back();
  for (std::string_view text : texts) kept.push_back(Keep(text));
  return kept;
}

}  // namespace sampan::api
