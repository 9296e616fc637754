#include "scheduler/preemption.h"

#include <algorithm>
#include <tuple>

namespace sampan::scheduler {
namespace {

// Enough to choose from; a search through all nodes of a large cluster would hold up the pods that fit.
constexpr size_t kEnoughCandidates = 100;

struct Candidate {
  const NodeInfo* node = nullptr;
  std::vector<const PlacedPod*> victims;  // the most important first
};

// One that no node has begun to run is the youngest of all.
WallTime StartOf(const PlacedPod& pod) {
  return pod.pod->status.start_time.value_or(WallTime::max());
}

// A node on which pods are tried out.
class Trial {
 public:
  Trial(const PodInfo& pod, const Cluster& cluster, const NodeInfo& node) : pod_(pod), cluster_(cluster), node_(node) {}

  void Remove(const PlacedPod& placed) {
    without_.insert(&placed);
    node_.Discount(placed.requests, placed.scoring, placed.ports);
  }
  void Return(const PlacedPod& placed) {
    without_.erase(&placed);
    node_.Count(placed.requests, placed.scoring, placed.ports);
  }
  bool Fits() const { return scheduler::Fits(Prepare(pod_, cluster_, without_), node_); }

 private:
  const PodInfo& pod_;
  const Cluster& cluster_;
  NodeInfo node_;
  Without without_;
};

// Nothing when the pod would not fit even without all pods of less priority.
std::optional<Candidate> TryNode(const PodInfo& pod, const Cluster& cluster, const NodeInfo& node) {
  std::vector<const PlacedPod*> lesser;
  for (const PlacedPod* placed : node.pods) {
    if (placed->priority < pod.priority) lesser.push_back(placed);
  }
  if (lesser.empty()) return std::nullopt;
  Trial trial(pod, cluster, node);
  for (const PlacedPod* placed : lesser) trial.Remove(*placed);
  if (!trial.Fits()) return std::nullopt;
  // As many as possible stay, the most important and the longest running first.
  std::ranges::sort(lesser, [](const PlacedPod* a, const PlacedPod* b) {
    if (a->priority != b->priority) return a->priority > b->priority;
    return std::forward_as_tuple(StartOf(*a), a->pod.uid()) < std::forward_as_tuple(StartOf(*b), b->pod.uid());
  });
  Candidate candidate{&node, {}};
  for (const PlacedPod* placed : lesser) {
    trial.Return(*placed);
    if (trial.Fits()) continue;
    trial.Remove(*placed);
    candidate.victims.push_back(placed);
  }
  return candidate;
}

// The smaller, the better.
auto CostOf(const Candidate& candidate) {
  int64_t sum = 0;
  int32_t most = candidate.victims.empty() ? INT32_MIN : candidate.victims.front()->priority;
  WallTime earliest = WallTime::max();
  for (const PlacedPod* victim : candidate.victims) {
    // Shifted, so that several of negative priority cost more than one.
    sum += int64_t{victim->priority} - INT32_MIN;
    if (victim->priority == most) earliest = std::min(earliest, StartOf(*victim));
  }
  return std::make_tuple(most, sum, candidate.victims.size(), WallTime::max() - earliest,
                         std::string_view(candidate.node->name));
}

std::string Explain(size_t total, size_t tried) {
  std::string text = fmt::format("preemption: 0/{} nodes are available: ", total);
  std::vector<std::string> lines;
  if (tried > 0) lines.push_back(fmt::format("{} No preemption victims found for incoming pod", tried));
  if (total > tried) lines.push_back(fmt::format("{} Preemption is not helpful for scheduling", total - tried));
  std::ranges::sort(lines);
  return text + fmt::format("{}.", fmt::join(lines, ", "));
}

// The room that was made for the pod earlier is not free yet.
bool AwaitsRoom(const PodInfo& pod, const Cluster& cluster) {
  const NodeInfo* promised = cluster.NominatedNode(pod.pod.uid());
  return promised != nullptr && std::ranges::any_of(promised->pods, [&pod](const PlacedPod* placed) {
           return placed->priority < pod.priority && placed->pod.object()->deleting();
         });
}

}  // namespace

Preemption PlanPreemption(const PodInfo& pod, const Cluster& cluster, const Diagnosis& diagnosis) {
  if (cluster.size() == 0) return {};
  if (pod.spec().preemption_policy == "Never")
    return {nullptr, {}, "preemption: not eligible due to preemptionPolicy=Never."};
  if (AwaitsRoom(pod, cluster)) {
    return {nullptr, {}, "preemption: not eligible due to a terminating pod on the nominated node."};
  }
  std::optional<Candidate> best;
  std::optional<int32_t> least = cluster.LeastPriority();
  if (least && *least < pod.priority) {
    size_t found = 0;
    for (const NodeInfo* node : diagnosis.crowded) {
      std::optional<Candidate> candidate = TryNode(pod, cluster, *node);
      if (!candidate) continue;
      if (!best || CostOf(*candidate) < CostOf(*best)) best = std::move(candidate);
      if (++found == kEnoughCandidates) break;
    }
  }
  if (best) return {best->node, std::move(best->victims), {}};
  return {nullptr, {}, Explain(cluster.size(), diagnosis.crowded.size())};
}

}  // namespace sampan::scheduler
