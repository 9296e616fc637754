#include "api/defaults/defaults.h"

#include "api/defaults/rules.h"
#include "api/schema.h"

namespace sampan::api {
namespace defaults {

json::Object* ObjectAt(json::Object& parent, std::string_view key) {
  json::Value* value = parent.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

json::Array* ArrayAt(json::Object& parent, std::string_view key) {
  json::Value* value = parent.if_contains(key);
  return value == nullptr ? nullptr : value->if_array();
}

std::string_view StringAt(const json::Object& parent, std::string_view key) {
  return json::FindString(parent.if_contains(key));
}

bool TrueAt(const json::Object& parent, std::string_view key) {
  const json::Value* value = parent.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

bool Unset(const json::Object& parent, std::string_view key) {
  const json::Value* value = parent.if_contains(key);
  return value == nullptr || value->is_null() || (value->is_string() && value->get_string().empty());
}

json::Value& Default(json::Object& parent, std::string_view key, json::Value value) {
  json::Value& field = parent[key];
  if (field.is_null() || (field.is_string() && field.get_string().empty())) field = std::move(value);
  return field;
}

}  // namespace defaults

namespace {

// The literals of the schema are short; the common forms need no parser.
json::Value Literal(std::string_view text, const boost::json::storage_ptr& storage) {
  if (text == "{}") return json::Value(boost::json::object_kind, storage);
  if (text.size() >= 2 && text.front() == '"' && text.find('\\') == std::string_view::npos) {
    return json::Value(boost::json::string_view(text.data() + 1, text.size() - 2), storage);
  }
  return boost::json::parse(text, storage);
}

bool MayHoldDefaults(const Type* type) {
  while (type != nullptr && (type->kind == TypeKind::kList || type->kind == TypeKind::kMap)) type = type->element;
  return type != nullptr && type->kind == TypeKind::kObject;
}

void FillIn(const Type& type, json::Value& value);

void FillInObject(const Type& type, json::Object& object) {
  for (const Field& field : type.fields) {
    if (!field.default_json.empty() && defaults::Unset(object, field.name)) {
      object[field.name] = Literal(field.default_json, object.storage());
    }
  }
  for (auto& member : object) {
    if (member.value().is_primitive()) continue;
    const Field* field = type.Find(member.key());
    const Type* below = field == nullptr ? type.element : field->type;
    if (below != nullptr && MayHoldDefaults(below)) FillIn(*below, member.value());
  }
}

void FillIn(const Type& type, json::Value& value) {
  if (type.kind == TypeKind::kObject) {
    if (json::Object* object = value.if_object()) FillInObject(type, *object);
  } else if (type.kind == TypeKind::kMap) {
    if (json::Object* object = value.if_object()) {
      for (auto& member : *object) FillIn(*type.element, member.value());
    }
  } else if (type.kind == TypeKind::kList) {
    if (json::Array* array = value.if_array()) {
      for (json::Value& element : *array) FillIn(*type.element, element);
    }
  }
}

struct KindRule {
  std::string_view group;
  std::string_view kind;
  defaults::Rule rule;
};

constexpr KindRule kRules[] = {
    {"", "Pod", defaults::Pod},
    {"", "Service", defaults::Service},
    {"", "Secret", defaults::Secret},
    {"", "Namespace", defaults::Namespace},
    {"", "Node", defaults::Node},
    {"", "PodTemplate", defaults::PodTemplateOwner},
    {"", "ReplicationController", defaults::PodTemplateOwner},
    {"apps", "Deployment", defaults::Deployment},
    {"apps", "ReplicaSet", defaults::PodTemplateOwner},
    {"apps", "StatefulSet", defaults::StatefulSet},
    {"apps", "DaemonSet", defaults::DaemonSet},
    {"rbac.authorization.k8s.io", "RoleBinding", defaults::RoleBinding},
    {"rbac.authorization.k8s.io", "ClusterRoleBinding", defaults::RoleBinding},
};

}  // namespace

void ApplyDefaults(const KindInfo& kind, json::Value& object) {
  if (kind.type == nullptr || !object.is_object()) return;
  FillIn(*kind.type, object);
  for (const KindRule& rule : kRules) {
    if (rule.kind == kind.kind && rule.group == kind.group) rule.rule(object.get_object());
  }
}

}  // namespace sampan::api
