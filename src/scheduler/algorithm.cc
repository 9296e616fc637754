#include "scheduler/algorithm.h"

#include <algorithm>
#include <map>
#include <vector>

#include "scheduler/framework.h"

namespace sampan::scheduler {
namespace {

constexpr size_t kAlwaysAll = 100;
constexpr size_t kLeastPercent = 5;
// Terms about other pods that are always worked out; of more than these, each is compared with each pod in the cluster at
// most so often in all (some 50 ms).
constexpr size_t kTermsAlways = 64;
constexpr size_t kMostComparisons = 2'500'000;

size_t EnoughNodes(size_t total) {
  if (total <= kAlwaysAll) return total;
  size_t falling = total / 125;
  size_t percent = falling >= 50 - kLeastPercent ? kLeastPercent : 50 - falling;
  return std::max(kAlwaysAll, total * percent / 100);
}

bool PassesFilters(const Attempt& attempt, const NodeInfo& node) {
  return std::ranges::all_of(Filters(), [&](const Filter& filter) { return filter.fits(attempt, node); });
}

// The filter that refuses the node; null when none does.
const Filter* Refusing(const Attempt& attempt, const NodeInfo& node) {
  for (const Filter& filter : Filters()) {
    if (!filter.fits(attempt, node)) return &filter;
  }
  return nullptr;
}

// The node as if the pods of no less priority that were promised a place were there.
NodeInfo WithNominees(const PodInfo& pod, const NodeInfo& node) {
  NodeInfo full = node;
  for (const PodInfoPtr& nominee : node.nominees) {
    if (nominee->priority < pod.priority || nominee->pod.uid() == pod.pod.uid()) continue;
    full.Count(nominee->requests, nominee->scoring, nominee->host_ports);
  }
  return full;
}

const NodeInfo* Best(const Attempt& attempt, const std::vector<const NodeInfo*>& nodes, Rng& rng) {
  if (nodes.size() == 1) return nodes.front();
  std::vector<int64_t> totals(nodes.size(), 0);
  std::vector<int64_t> ratings(nodes.size());
  for (const Score& score : Scores()) {
    if (!score.applies(attempt, nodes)) continue;
    score.rate(attempt, nodes, ratings);
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

std::string RefusalOf(const PodInfo& pod, const Cluster& cluster) {
  const size_t terms = pod.relations == nullptr ? 0 : pod.relations->size();
  if (terms <= kTermsAlways || terms * cluster.pods().size() <= kMostComparisons) return {};
  return fmt::format("{} affinity terms and topology spread constraints are too many for a cluster of {} pods", terms,
                     cluster.pods().size());
}

bool Fits(const Attempt& attempt, const NodeInfo& node) {
  return PassesFilters(attempt, node) && (node.nominees.empty() || PassesFilters(attempt, WithNominees(attempt.pod, node)));
}

Decision ChooseNode(const PodInfo& pod, const Cluster& cluster, size_t start, Rng& rng) {
  size_t total = cluster.size();
  if (total == 0) return {};
  Attempt attempt = Prepare(pod, cluster);
  const NodeInfo* promised = cluster.NominatedNode(pod.pod.uid());
  if (promised != nullptr && Fits(attempt, *promised)) return {promised, start};
  size_t enough = EnoughNodes(total);
  std::vector<const NodeInfo*> fitting;
  fitting.reserve(enough);
  size_t looked = 0;
  for (; looked < total && fitting.size() < enough; ++looked) {
    const NodeInfo& node = cluster.at((start + looked) % total);
    if (Fits(attempt, node)) fitting.push_back(&node);
  }
  Decision decision{nullptr, (start + looked) % total};
  if (!fitting.empty()) decision.node = Best(attempt, fitting, rng);
  return decision;
}

Diagnosis Diagnose(const PodInfo& pod, const Cluster& cluster) {
  if (cluster.size() == 0) return {"no nodes available to schedule pods", {}};
  Diagnosis diagnosis;
  Attempt attempt = Prepare(pod, cluster);
  std::map<std::string, size_t> counts;
  std::vector<std::string> reasons;
  for (size_t i = 0; i < cluster.size(); ++i) {
    const NodeInfo& node = cluster.at(i);
    const NodeInfo* seen = &node;
    const Filter* refusing = Refusing(attempt, node);
    NodeInfo full;
    if (refusing == nullptr && !node.nominees.empty()) {
      full = WithNominees(attempt.pod, node);
      seen = &full;
      refusing = Refusing(attempt, full);
    }
    // It fits by now: something has changed since the decision.
    if (refusing == nullptr) continue;
    reasons.clear();
    refusing->explain(attempt, *seen, reasons);
    for (const std::string& reason : reasons) ++counts[reason];
    if (refusing->room_helps != nullptr && refusing->room_helps(attempt, *seen)) diagnosis.crowded.push_back(&node);
  }
  std::vector<std::string> lines;
  for (const auto& [reason, count] : counts) lines.push_back(fmt::format("{} {}", count, reason));
  std::ranges::sort(lines);
  diagnosis.message = fmt::format("0/{} nodes are available: {}.", cluster.size(), fmt::join(lines, ", "));
  return diagnosis;
}

}  // namespace sampan::scheduler
