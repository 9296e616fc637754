// A cordoned node takes only pods that tolerate the taint node.kubernetes.io/unschedulable.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

bool FitsUnschedulable(const Attempt& attempt, const NodeInfo& node);
void ExplainUnschedulable(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons);

}  // namespace sampan::scheduler::plugins
