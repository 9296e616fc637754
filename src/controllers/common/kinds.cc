#include "controllers/common/kinds.h"

#include <algorithm>
#include <string>

namespace sampan::controllers {

std::vector<const api::KindInfo*> DeletableKinds() {
  std::vector<const api::KindInfo*> kinds;
  for (const api::KindInfo* kind : api::BuiltinKinds()) {
    auto has = [kind](std::string_view verb) { return std::ranges::find(kind->verbs, verb) != kind->verbs.end(); };
    if (!has("list") || !has("watch") || !has("delete")) continue;
    // core/v1 and events.k8s.io/v1 show the same stored events.
    if (kind->group == "events.k8s.io") continue;
    kinds.push_back(kind);
  }
  return kinds;
}

}  // namespace sampan::controllers
