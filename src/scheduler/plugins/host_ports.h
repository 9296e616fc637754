// A pod that asks for a port of the node goes only where that port is free.
#pragma once

#include "scheduler/framework.h"

namespace sampan::scheduler::plugins {

bool FitsHostPorts(const Attempt& attempt, const NodeInfo& node);
void ExplainHostPorts(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons);

}  // namespace sampan::scheduler::plugins
