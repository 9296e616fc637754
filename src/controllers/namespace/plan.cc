#include "controllers/namespace/plan.h"

namespace sampan::controllers::namespaces {
namespace {

using api::core::NamespaceCondition;

std::string Join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

void Set(std::vector<NamespaceCondition>& conditions, NamespaceCondition wanted) {
  for (NamespaceCondition& condition : conditions) {
    if (condition.type != wanted.type) continue;
    if (condition.status == wanted.status) wanted.last_transition_time = condition.last_transition_time;
    condition = std::move(wanted);
    return;
  }
  conditions.push_back(std::move(wanted));
}

}  // namespace

std::vector<NamespaceCondition> PlanConditions(const std::vector<NamespaceCondition>& current, const Remaining& remaining,
                                               WallTime now) {
  std::vector<NamespaceCondition> conditions = current;
  auto set = [&conditions, now](std::string type, bool on, std::string reason, std::string message) {
    Set(conditions, {std::move(type), on ? "True" : "False", now, std::move(reason), std::move(message)});
  };
  set("NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "All resources successfully discovered");
  set("NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions",
      "All legacy kube types successfully parsed");
  if (remaining.errors.empty()) {
    set("NamespaceDeletionContentFailure", false, "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization");
  } else {
    set("NamespaceDeletionContentFailure", true, "ContentDeletionFailed",
        "Failed to delete all resource types, " + std::to_string(remaining.errors.size()) +
            " remaining: " + Join(remaining.errors));
  }
  std::vector<std::string> parts;
  for (const auto& [resource, count] : remaining.objects) {
    parts.push_back(fmt::format("{} has {} resource instances", resource, count));
  }
  if (parts.empty()) {
    set("NamespaceContentRemaining", false, "ContentRemoved", "All content successfully removed");
  } else {
    set("NamespaceContentRemaining", true, "SomeResourcesRemain", "Some resources are remaining: " + Join(parts));
  }
  parts.clear();
  for (const auto& [finalizer, count] : remaining.finalizers) {
    parts.push_back(fmt::format("{} in {} resource instances", finalizer, count));
  }
  if (parts.empty()) {
    set("NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers", "All content-preserving finalizers finished");
  } else {
    set("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: " + Join(parts));
  }
  return conditions;
}

}  // namespace sampan::controllers::namespaces
