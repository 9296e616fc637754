#include "apiserver/registry/view.h"

#include "base/check.h"

namespace sampan::apiserver {

const View* FindView(const api::KindInfo& kind) {
  const View& events = EventView();
  return &kind == events.kind ? &events : nullptr;
}

api::ObjectPtr Published(const View* view, api::ObjectPtr object) {
  if (view == nullptr) return object;
  Result<api::ObjectPtr> published = api::Object::FromValue(view->from_stored(object->Parse()), object->revision());
  CHECK(published.has_value());  // Parse gives metadata, and no view takes it away
  return *std::move(published);
}

}  // namespace sampan::apiserver
