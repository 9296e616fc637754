#include "api/meta/label_selector.h"
#include "api/types/meta.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/operations.h"

namespace sampan::apiserver {

json::Value ScaleOf(const api::Object& object) {
  json::Value document = object.Parse();
  json::Object metadata;
  for (std::string_view key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (const json::Value* value = json::Find(document, "metadata", key)) metadata[key] = *value;
  }
  json::Object status{{"replicas", FindInt(json::Find(document, "status", "replicas")).value_or(0)}};
  if (const json::Value* selector = json::Find(document, "spec", "selector")) {
    auto typed = api::FromJson<api::meta::LabelSelector>(*selector);
    auto parsed = typed ? api::LabelSelector::From(*typed) : api::LabelSelector();
    if (parsed) status["selector"] = parsed->ToString();
  }
  json::Object spec;
  if (int64_t replicas = FindInt(json::Find(document, "spec", "replicas")).value_or(0); replicas != 0) {
    spec["replicas"] = replicas;
  }
  return json::Object{{"kind", "Scale"},
                      {"apiVersion", "autoscaling/v1"},
                      {"metadata", std::move(metadata)},
                      {"spec", std::move(spec)},
                      {"status", std::move(status)}};
}

}  // namespace sampan::apiserver
