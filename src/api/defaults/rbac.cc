#include "api/defaults/rules.h"

namespace sampan::api::defaults {

void RoleBinding(json::Object& object) {
  json::Array* subjects = ArrayAt(object, "subjects");
  if (subjects == nullptr) return;
  for (json::Value& item : *subjects) {
    json::Object* subject = item.if_object();
    if (subject == nullptr) continue;
    std::string_view kind = StringAt(*subject, "kind");
    if (kind == "User" || kind == "Group") Default(*subject, "apiGroup", "rbac.authorization.k8s.io");
  }
}

}  // namespace sampan::api::defaults
