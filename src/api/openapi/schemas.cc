#include "api/openapi/schemas.h"

namespace sampan::api::openapi {
namespace {

using boost::json::string_view;

// Scalars that Kubernetes publishes under a name.
std::string_view NameOf(TypeKind kind) {
  switch (kind) {
    case TypeKind::kTime:
      return "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
    case TypeKind::kMicroTime:
      return "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
    case TypeKind::kDuration:
      return "io.k8s.apimachinery.pkg.apis.meta.v1.Duration";
    case TypeKind::kQuantity:
      return "io.k8s.apimachinery.pkg.api.resource.Quantity";
    case TypeKind::kIntOrString:
      return "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
    case TypeKind::kAny:
      return "io.k8s.apimachinery.pkg.runtime.RawExtension";
    case TypeKind::kFieldsV1:
      return "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1";
    default:
      return {};
  }
}

std::string_view Describe(TypeKind kind) {
  switch (kind) {
    case TypeKind::kTime:
      return "A point in time in RFC 3339, to the second.";
    case TypeKind::kMicroTime:
      return "A point in time in RFC 3339, to the microsecond.";
    case TypeKind::kDuration:
      return "A span of time such as 1h30m or 250ms.";
    case TypeKind::kQuantity:
      return "An amount with an optional suffix, such as 500m, 2, 128Mi or 1G.";
    case TypeKind::kIntOrString:
      return "A number, or a text such as a percentage or the name of a port.";
    case TypeKind::kFieldsV1:
      return "A set of fields in the form of a trie.";
    default:
      return "Any JSON value.";
  }
}

json::Object Typed(std::string_view type, std::string_view format, const boost::json::storage_ptr& storage) {
  json::Object schema(storage);
  schema.emplace("type", string_view(type));
  if (!format.empty()) schema.emplace("format", string_view(format));
  return schema;
}

json::Object Scalar(TypeKind kind, const boost::json::storage_ptr& storage) {
  switch (kind) {
    case TypeKind::kBytes:
      return Typed("string", "byte", storage);
    case TypeKind::kBool:
      return Typed("boolean", "", storage);
    case TypeKind::kInt32:
      return Typed("integer", "int32", storage);
    case TypeKind::kInt64:
      return Typed("integer", "int64", storage);
    case TypeKind::kDouble:
      return Typed("number", "double", storage);
    case TypeKind::kTime:
    case TypeKind::kMicroTime:
      return Typed("string", "date-time", storage);
    case TypeKind::kAny:
    case TypeKind::kFieldsV1:
      return Typed("object", "", storage);
    default:
      return Typed("string", "", storage);
  }
}

// One of two JSON types, which only OpenAPI v3 can say.
json::Value OneOf(std::string_view first, std::string_view second, const boost::json::storage_ptr& storage) {
  json::Array choices(storage);
  choices.push_back(Typed(first, "", storage));
  choices.push_back(Typed(second, "", storage));
  return choices;
}

void AppendListMarks(const Type& type, json::Object& schema) {
  if (type.kind != TypeKind::kList) return;
  std::string_view name = type.list_type == ListType::kMap ? "map" : type.list_type == ListType::kSet ? "set" : "atomic";
  schema["x-kubernetes-list-type"] = string_view(name);
  if (type.list_type != ListType::kMap) return;
  json::Array keys(schema.storage());
  for (std::string_view key : type.list_keys) keys.emplace_back(string_view(key));
  schema["x-kubernetes-list-map-keys"] = std::move(keys);
}

}  // namespace

json::Value GroupVersionKind(std::string_view group, std::string_view version, std::string_view kind,
                             const boost::json::storage_ptr& storage) {
  json::Object value(storage);
  value.reserve(3);
  value.emplace("group", string_view(group));
  value.emplace("kind", string_view(kind));
  value.emplace("version", string_view(version));
  return value;
}

void Schemas::NameKind(const Type& type, std::string_view group, std::string_view version, std::string_view kind) {
  kinds_[&type].push_back(GroupVersionKind(group, version, kind, storage_));
  wanted_.emplace(type.name, &type);
}

json::Value Schemas::RefTo(std::string_view name) {
  json::Object ref(storage_);
  std::string_view prefix = dialect_ == Dialect::kV2 ? "#/definitions/" : "#/components/schemas/";
  ref.emplace("$ref", fmt::format("{}{}", prefix, name));
  return ref;
}

json::Value Schemas::Reference(const Type& type) {
  if (type.kind == TypeKind::kList) {
    json::Object schema = Typed("array", "", storage_);
    schema.emplace("items", Reference(*type.element));
    return schema;
  }
  if (type.kind == TypeKind::kMap || (type.IsObject() && type.name.empty() && type.element != nullptr)) {
    json::Object schema = Typed("object", "", storage_);
    schema.emplace("additionalProperties", Reference(*type.element));
    return schema;
  }
  if (type.IsObject()) {
    if (type.name.empty()) return Definition(type);
    wanted_.emplace(type.name, &type);
    return RefTo(type.name);
  }
  std::string_view name = NameOf(type.kind);
  if (name.empty()) return Scalar(type.kind, storage_);
  scalars_.insert(type.kind);
  return RefTo(name);
}

json::Value Schemas::Property(const Field& field) {
  json::Value value = Reference(*field.type);
  json::Object* schema = &value.get_object();
  // In v3 nothing may stand beside a $ref.
  if (dialect_ == Dialect::kV3 && schema->contains("$ref")) {
    json::Object wrapped(storage_);
    json::Array parts(storage_);
    parts.push_back(std::move(value));
    wrapped.emplace("allOf", std::move(parts));
    value = std::move(wrapped);
    schema = &value.get_object();
  }
  if (!field.description.empty()) schema->emplace("description", string_view(field.description));
  if (!field.default_json.empty() && field.type->IsScalar()) {
    schema->emplace("default", boost::json::parse(string_view(field.default_json), storage_));
  }
  AppendListMarks(*field.type, *schema);
  if (field.type->kind == TypeKind::kMap && field.type->atomic) schema->emplace("x-kubernetes-map-type", "atomic");
  if (!field.patch_merge_key.empty()) {
    schema->emplace("x-kubernetes-patch-merge-key", string_view(field.patch_merge_key));
  }
  if (field.patch_merge || field.patch_retain_keys) {
    std::string_view strategy = field.patch_merge && field.patch_retain_keys ? "merge,retainKeys"
                                : field.patch_merge                          ? "merge"
                                                                             : "retainKeys";
    schema->emplace("x-kubernetes-patch-strategy", string_view(strategy));
  }
  return value;
}

json::Value Schemas::Definition(const Type& type) {
  json::Object schema(storage_);
  if (!type.description.empty()) schema.emplace("description", string_view(type.description));
  schema.emplace("type", "object");
  json::Object properties(storage_);
  json::Array required(storage_);
  for (const Field& field : type.fields) {
    properties.emplace(string_view(field.name), Property(field));
    if (field.required) required.emplace_back(string_view(field.name));
  }
  if (!properties.empty()) schema.emplace("properties", std::move(properties));
  if (!required.empty()) schema.emplace("required", std::move(required));
  if (type.element != nullptr) schema.emplace("additionalProperties", Reference(*type.element));
  if (type.atomic) schema.emplace("x-kubernetes-map-type", "atomic");
  if (type.preserve_unknown) schema.emplace("x-kubernetes-preserve-unknown-fields", true);
  if (auto it = kinds_.find(&type); it != kinds_.end()) {
    json::Array kinds(storage_);
    for (const json::Value& kind : it->second) kinds.push_back(kind);
    schema.emplace("x-kubernetes-group-version-kind", std::move(kinds));
  }
  return schema;
}

json::Value Schemas::NamedScalar(TypeKind kind) {
  json::Object schema(storage_);
  schema.emplace("description", string_view(Describe(kind)));
  bool either = kind == TypeKind::kIntOrString || kind == TypeKind::kQuantity;
  if (either && dialect_ == Dialect::kV3) {
    schema.emplace("oneOf", OneOf("string", kind == TypeKind::kQuantity ? "number" : "integer", storage_));
  } else {
    for (auto& member : Scalar(kind, storage_)) schema.emplace(member.key(), std::move(member.value()));
  }
  if (kind == TypeKind::kIntOrString) schema.emplace("format", "int-or-string");
  return schema;
}

json::Object Schemas::Definitions() {
  std::map<std::string_view, json::Value> done;
  // A definition refers to further types, which come into wanted_ meanwhile.
  for (bool grown = true; grown;) {
    grown = false;
    std::vector<const Type*> missing;
    for (const auto& [name, type] : wanted_) {
      if (!done.contains(name)) missing.push_back(type);
    }
    for (const Type* type : missing) {
      done.emplace(type->name, Definition(*type));
      grown = true;
    }
  }
  for (TypeKind kind : scalars_) done.emplace(NameOf(kind), NamedScalar(kind));
  json::Object definitions(storage_);
  definitions.reserve(done.size());
  for (auto& [name, schema] : done) definitions.emplace(string_view(name), std::move(schema));
  return definitions;
}

}  // namespace sampan::api::openapi
