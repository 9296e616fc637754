#include "scheduler/algorithm.h"

#include <algorithm>
#include <map>
#include <vector>

#include "scheduler/framework.h"

namespace sampan::scheduler {
namespace {

constexpr size_t kAlwaysAll = 100;
constexpr size_t kLeastPercent = 5;

size_t EnoughNodes(size_t total) {
  if (total <= kAlwaysAll) return total;
  size_t falling = total / 125;
  size_t percent = falling >= 50 - kLeastPercent ? kLeastPercent : 50 - falling;
  return std::max(kAlwaysAll, total * percent / 100);
}

bool FitsAll(const PodInfo& pod, const NodeInfo& node) {
  return std::ranges::all_of(Filters(), [&](const Filter& filter) { return filter.fits(pod, node); });
}

const NodeInfo* Best(const PodInfo& pod, const std::vector<const NodeInfo*>& nodes, Rng& rng) {
  if (nodes.size() == 1) return nodes.front();
  std::vector<int64_t> totals(nodes.size(), 0);
  std::vector<int64_t> ratings(nodes.size());
  for (const Score& score : Scores()) {
    if (!score.applies(pod, nodes)) continue;
    score.rate(pod, nodes, ratings);
    for (size_t i = 0; i < nodes.size(); ++i) totals[i] += score.weight * ratings[i];
  }
  size_t best = 0;
  uint64_t equals = 1;
  for (size_t i = 1; i < nodes.size(); ++i) {
    if (totals[i] > totals[best]) {
      best = i;
      equals = 1;
    } else if (totals[i] == totals[best] && rng.Below(++equals) == 0) {
      best = i;
    }
  }
  return nodes[best];
}

}  // namespace

Decision ChooseNode(const PodInfo& pod, const Cluster& cluster, size_t start, Rng& rng) {
  size_t total = cluster.size();
  if (total == 0) return {};
  size_t enough = EnoughNodes(total);
  std::vector<const NodeInfo*> fitting;
  fitting.reserve(enough);
  size_t looked = 0;
  for (; looked < total && fitting.size() < enough; ++looked) {
    const NodeInfo& node = cluster.at((start + looked) % total);
    if (FitsAll(pod, node)) fitting.push_back(&node);
  }
  Decision decision{nullptr, (start + looked) % total};
  if (!fitting.empty()) decision.node = Best(pod, fitting, rng);
  return decision;
}

std::string ExplainUnschedulable(const PodInfo& pod, const Cluster& cluster) {
  if (cluster.size() == 0) return "no nodes available to schedule pods";
  std::map<std::string, size_t> counts;
  std::vector<std::string> reasons;
  for (size_t i = 0; i < cluster.size(); ++i) {
    // The first filter that refuses a node speaks for it.
    for (const Filter& filter : Filters()) {
      if (filter.fits(pod, cluster.at(i))) continue;
      reasons.clear();
      filter.explain(pod, cluster.at(i), reasons);
      for (const std::string& reason : reasons) ++counts[reason];
      break;
    }
  }
  std::vector<std::string> lines;
  for (const auto& [reason, count] : counts) lines.push_back(fmt::format("{} {}", count, reason));
  std::ranges::sort(lines);
  return fmt::format("0/{} nodes are available: {}.", cluster.size(), fmt::join(lines, ", "));
}

}  // namespace sampan::scheduler
