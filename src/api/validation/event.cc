#include "api/validation/kinds.h"

namespace sampan::api::rules {

// core/v1 and events.k8s.io/v1 name the object differently.
void Event(const View& object, Causes& causes) {
  View meta = object["metadata"];
  std::string_view space = meta["namespace"].Str();
  for (std::string_view field : {"involvedObject", "regarding"}) {
    View about = object[field];
    if (!about.Present()) continue;
    View about_space = about["namespace"];
    // Events about cluster-scoped objects live in the default namespace.
    bool fits = about_space.Empty() ? space == "default" || space == "kube-system" : about_space.Str() == space;
    if (!fits) causes.Invalid(about_space.path(), about_space.Str(), "does not match event.namespace");
  }
}

}  // namespace sampan::api::rules
