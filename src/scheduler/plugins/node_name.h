// A pod that names its node goes nowhere else.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

bool FitsNodeName(const Attempt& attempt, const NodeInfo& node);
void ExplainNodeName(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons);

}  // namespace sampan::scheduler::plugins
