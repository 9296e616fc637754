// The conditions of a namespace that is being deleted, from what is left in it. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/types/core.h"
#include "base/time.h"

namespace sampan::controllers::namespaces {

struct Remaining {
  std::map<std::string, int> objects;     // by "pods." or "deployments.apps"
  std::map<std::string, int> finalizers;  // objects that each finalizer holds back
  std::vector<std::string> errors;        // requests that failed
  bool empty() const { return objects.empty() && errors.empty(); }
};

std::vector<api::core::NamespaceCondition> PlanConditions(const std::vector<api::core::NamespaceCondition>& current,
                                                          const Remaining& remaining, WallTime now);

}  // namespace sampan::controllers::namespaces
