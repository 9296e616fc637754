// A second group and version under which stored objects are published: other field names, the same objects. Kinds that
// have one are written and read in either form; the store keeps the first.
#pragma once

#include <string>
#include <string_view>

#include "api/kind.h"
#include "api/meta/field_selector.h"
#include "api/object.h"

namespace sampan::apiserver {

// Immutable, lives for ever.
struct View {
  const api::KindInfo* kind;    // as published
  const api::KindInfo* stored;  // as kept
  json::Value (*to_stored)(const json::Value& published);
  json::Value (*from_stored)(const json::Value& stored);
  // The stored path that a published field selector's path means; empty when the view offers none.
  std::string_view (*stored_path)(std::string_view published);
};

// Null for kinds that are stored as they are published.
const View* FindView(const api::KindInfo& kind);

// The object in the published form; itself when `view` is null.
api::ObjectPtr Published(const View* view, api::ObjectPtr object);

// events.k8s.io/v1 Event, kept as core/v1 Event.
const View& EventView();

}  // namespace sampan::apiserver
