#include "scheduler/plugins/node_unschedulable.h"

#include "scheduler/plugins/taint_toleration.h"

namespace sampan::scheduler::plugins {

bool FitsUnschedulable(const Attempt& attempt, const NodeInfo& node) {
  if (!node.unschedulable) return true;
  return Tolerates(attempt.pod.spec().tolerations, {.key = "node.kubernetes.io/unschedulable", .effect = "NoSchedule"});
}

void ExplainUnschedulable(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons) {
  reasons.emplace_back("node(s) were unschedulable");
}

}  // namespace sampan::scheduler::plugins
