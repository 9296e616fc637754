#include "api/defaults/rules.h"
#include "codec/base64.h"

namespace sampan::api::defaults {

// `stringData` is for writing only: its texts overwrite `data` and it is not stored.
void Secret(json::Object& object) {
  json::Object* texts = ObjectAt(object, "stringData");
  if (texts == nullptr) {
    object.erase("stringData");
    return;
  }
  json::Object moved = std::move(*texts);
  object.erase("stringData");
  if (moved.empty()) return;
  json::Value& data = object["data"];
  if (data.is_null()) data.emplace_object();
  if (!data.is_object()) return;
  for (const auto& member : moved) {
    data.get_object()[member.key()] = base64::Encode(json::FindString(&member.value()));
  }
}

}  // namespace sampan::api::defaults
