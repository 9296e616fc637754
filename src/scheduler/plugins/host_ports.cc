#include "scheduler/plugins/host_ports.h"

#include <algorithm>

namespace sampan::scheduler::plugins {

bool FitsHostPorts(const Attempt& attempt, const NodeInfo& node) {
  return std::ranges::none_of(attempt.pod.host_ports, [&](const HostPort& wanted) {
    return std::ranges::any_of(node.used_ports, [&](const HostPort& used) { return Collide(wanted, used); });
  });
}

void ExplainHostPorts(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons) {
  reasons.emplace_back("node(s) didn't have free ports for the requested pod ports");
}

}  // namespace sampan::scheduler::plugins
