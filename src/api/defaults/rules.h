// The defaults that depend on other fields, one function a kind. Internal to api/defaults.
#pragma once

#include "codec/json.h"

namespace sampan::api::defaults {

// Runs after the literal defaults of the schema; `object` is an object.
using Rule = void (*)(json::Object& object);

void Pod(json::Object& object);
void PodTemplateOwner(json::Object& object);  // ReplicaSet and whatever else has spec.template
void Deployment(json::Object& object);
void StatefulSet(json::Object& object);
void DaemonSet(json::Object& object);
void Service(json::Object& object);
void Secret(json::Object& object);
void Namespace(json::Object& object);
void Node(json::Object& object);
void RoleBinding(json::Object& object);  // ClusterRoleBinding, too

// The object or array under `key`, or null when it is absent or of another type.
json::Object* ObjectAt(json::Object& parent, std::string_view key);
json::Array* ArrayAt(json::Object& parent, std::string_view key);
std::string_view StringAt(const json::Object& parent, std::string_view key);  // "" unless a string
bool TrueAt(const json::Object& parent, std::string_view key);
// True when the field is absent, null or an empty string: what Go calls the zero value of a name or a pointer.
bool Unset(const json::Object& parent, std::string_view key);
// Fills in `value` when the field is Unset; returns the field.
json::Value& Default(json::Object& parent, std::string_view key, json::Value value);

}  // namespace sampan::api::defaults
