// events.k8s.io/v1 Event: the fields of core/v1 Event under newer names, those of the first design as "deprecated...".
#include <array>

#include "api/decode.h"
#include "api/types/core.h"
#include "apiserver/registry/view.h"

namespace sampan::apiserver {

namespace {

struct Renamed {
  std::string_view stored;
  std::string_view published;
};
constexpr std::array<Renamed, 7> kRenamed = {{{"involvedObject", "regarding"},
                                              {"message", "note"},
                                              {"reportingComponent", "reportingController"},
                                              {"source", "deprecatedSource"},
                                              {"firstTimestamp", "deprecatedFirstTimestamp"},
                                              {"lastTimestamp", "deprecatedLastTimestamp"},
                                              {"count", "deprecatedCount"}}};

json::Value Convert(const json::Value& from, const api::KindInfo& to, std::string_view Renamed::* before,
                    std::string_view Renamed::* after) {
  json::Object out;
  const json::Object* object = from.if_object();
  if (object == nullptr) return out;
  for (const auto& [key, value] : *object) {
    auto renamed = std::ranges::find(kRenamed, std::string_view(key), before);
    out[renamed == kRenamed.end() ? std::string_view(key) : (*renamed).*after] = value;
  }
  out["apiVersion"] = to.ApiVersion();
  // What does not fit the type (of an older version) is shown under its new name, as it is.
  Result<json::Value> canonical = api::Canonicalize(*to.type, out, nullptr);
  return canonical ? *std::move(canonical) : json::Value(std::move(out));
}

json::Value ToStored(const json::Value& published) {
  return Convert(published, *EventView().stored, &Renamed::published, &Renamed::stored);
}

json::Value FromStored(const json::Value& stored) {
  return Convert(stored, *EventView().kind, &Renamed::stored, &Renamed::published);
}

// What the selectors of the newer form may name.
std::string_view StoredPath(std::string_view published) {
  constexpr std::array<Renamed, 12> kPaths = {{{"metadata.name", "metadata.name"},
                                               {"metadata.namespace", "metadata.namespace"},
                                               {"reason", "reason"},
                                               {"type", "type"},
                                               {"reportingComponent", "reportingController"},
                                               {"involvedObject.kind", "regarding.kind"},
                                               {"involvedObject.namespace", "regarding.namespace"},
                                               {"involvedObject.name", "regarding.name"},
                                               {"involvedObject.uid", "regarding.uid"},
                                               {"involvedObject.apiVersion", "regarding.apiVersion"},
                                               {"involvedObject.resourceVersion", "regarding.resourceVersion"},
                                               {"involvedObject.fieldPath", "regarding.fieldPath"}}};
  auto path = std::ranges::find(kPaths, published, &Renamed::published);
  return path == kPaths.end() ? std::string_view() : path->stored;
}

}  // namespace

const View& EventView() {
  static const View view{api::FindKind("events.k8s.io/v1", "Event"), &api::KindOf<api::core::Event>(), &ToStored,
                         &FromStored, &StoredPath};
  return view;
}

}  // namespace sampan::apiserver
