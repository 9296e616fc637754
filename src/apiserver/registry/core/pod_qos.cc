#include "apiserver/registry/core/pod_qos.h"

#include <optional>

#include "api/meta/quantity.h"
#include "apiserver/registry/fields.h"

namespace sampan::apiserver {

namespace {

std::optional<api::Quantity> Amount(const json::Value& container, std::string_view list, std::string_view resource) {
  const json::Value* value = json::Find(container, "resources", list, resource);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  Result<api::Quantity> quantity = api::Quantity::Parse(json::FindString(value));
  if (!quantity || *quantity == api::Quantity()) return std::nullopt;
  return *quantity;
}

}  // namespace

std::string_view QosClassOf(const json::Value& pod) {
  bool any = false, guaranteed = true;
  for (std::string_view list : {"containers", "initContainers"}) {
    const json::Array* containers = FindArray(json::Find(pod, "spec", list));
    if (containers == nullptr) continue;
    for (const json::Value& container : *containers) {
      for (std::string_view resource : {"cpu", "memory"}) {
        std::optional<api::Quantity> request = Amount(container, "requests", resource);
        std::optional<api::Quantity> limit = Amount(container, "limits", resource);
        any = any || request || limit;
        guaranteed = guaranteed && limit && (!request || *request == *limit);
      }
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

}  // namespace sampan::apiserver
