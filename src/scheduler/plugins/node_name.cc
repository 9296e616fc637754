#include "scheduler/plugins/node_name.h"

namespace sampan::scheduler::plugins {

bool FitsNodeName(const PodInfo& pod, const NodeInfo& node) {
  return pod.spec().node_name.empty() || pod.spec().node_name == node.name;
}

void ExplainNodeName(const PodInfo& pod, const NodeInfo& node, std::vector<std::string>& reasons) {
  reasons.emplace_back("node(s) didn't match the requested node name");
}

}  // namespace sampan::scheduler::plugins
