#include "controllers/podgc/plan.h"

#include <algorithm>

namespace sampan::controllers::podgc {

std::vector<Doomed> PlanPodGc(const Input& input) {
  std::vector<Doomed> doomed;
  std::vector<PodPtr> finished;
  for (const PodPtr& pod : input.pods) {
    const std::string& node = pod->spec.node_name;
    bool ended = pod->status.phase == "Succeeded" || pod->status.phase == "Failed";
    bool deleting = pod.object()->deleting();
    if (node.empty() ? deleting : input.vanished_nodes.contains(node)) {
      doomed.push_back({pod, node.empty() || ended ? std::string_view() : kNodeVanished});
    } else if (deleting && input.dead_nodes.contains(node)) {
      doomed.push_back({pod, ended ? std::string_view() : kNodeDead});
    } else if (ended && !pod.object()->deleting()) {
      finished.push_back(pod);
    }
  }
  auto excess = static_cast<std::ptrdiff_t>(finished.size()) - input.terminated_threshold;
  if (input.terminated_threshold <= 0 || excess <= 0) return doomed;
  auto age = [](const PodPtr& pod) { return std::tie(pod.head().creation_timestamp, pod.name()); };
  std::ranges::partial_sort(finished, finished.begin() + excess, {}, age);
  for (std::ptrdiff_t i = 0; i < excess; ++i) doomed.push_back({finished[static_cast<size_t>(i)], {}});
  return doomed;
}

}  // namespace sampan::controllers::podgc
