#include "api/defaults/rules.h"

namespace sampan::api::defaults {
namespace {

// The parameters of a rolling update exist exactly when the strategy is one.
json::Object* RollingUpdate(json::Object& object, std::string_view strategy_key) {
  json::Object* spec = ObjectAt(object, "spec");
  json::Object* strategy = spec == nullptr ? nullptr : ObjectAt(*spec, strategy_key);
  if (strategy == nullptr || StringAt(*strategy, "type") != "RollingUpdate") return nullptr;
  json::Value& rolling = (*strategy)["rollingUpdate"];
  if (rolling.is_null()) rolling.emplace_object();
  return rolling.if_object();
}

}  // namespace

void Deployment(json::Object& object) {
  PodTemplateOwner(object);
  if (json::Object* rolling = RollingUpdate(object, "strategy")) {
    Default(*rolling, "maxUnavailable", "25%");
    Default(*rolling, "maxSurge", "25%");
  }
}

void StatefulSet(json::Object& object) {
  PodTemplateOwner(object);
  if (json::Object* rolling = RollingUpdate(object, "updateStrategy")) Default(*rolling, "partition", 0);
}

void DaemonSet(json::Object& object) {
  PodTemplateOwner(object);
  if (json::Object* rolling = RollingUpdate(object, "updateStrategy")) {
    Default(*rolling, "maxUnavailable", 1);
    Default(*rolling, "maxSurge", 0);
  }
}

}  // namespace sampan::api::defaults
