#include "api/defaults/rules.h"

namespace sampan::api::defaults {

// Every namespace carries its name as a label, so that selectors can name namespaces.
void Namespace(json::Object& object) {
  json::Object* meta = ObjectAt(object, "metadata");
  if (meta == nullptr || Unset(*meta, "name")) return;
  json::Value name = meta->at("name");  // a copy: adding a member may move the others
  json::Value& labels = (*meta)["labels"];
  if (labels.is_null()) labels.emplace_object();
  if (labels.is_object()) labels.get_object()["kubernetes.io/metadata.name"] = std::move(name);
}

// A node that does not say what may be allocated offers all it has.
void Node(json::Object& object) {
  json::Object* status = ObjectAt(object, "status");
  if (status == nullptr || !status->contains("capacity")) return;
  if (Unset(*status, "allocatable")) (*status)["allocatable"] = json::Value((*status)["capacity"]);
}

}  // namespace sampan::api::defaults
