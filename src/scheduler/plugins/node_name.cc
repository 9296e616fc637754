#include "scheduler/plugins/node_name.h"

namespace sampan::scheduler::plugins {

bool FitsNodeName(const Attempt& attempt, const NodeInfo& node) {
  return attempt.pod.spec().node_name.empty() || attempt.pod.spec().node_name == node.name;
}

void ExplainNodeName(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons) {
  reasons.emplace_back("node(s) didn't match the requested node name");
}

}  // namespace sampan::scheduler::plugins
