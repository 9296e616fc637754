#include "scheduler/plugins/topology_spread.h"

#include <algorithm>
#include <cmath>

#include "scheduler/plugins/node_affinity.h"
#include "scheduler/plugins/taint_toleration.h"

namespace sampan::scheduler::plugins {
namespace {

// How much the pods of one owner may gather before it counts: less on a node than in a zone.
constexpr double kNodeSkew = 3;
constexpr double kZoneSkew = 5;

// Whether the node has every label that the rules of that kind speak of: one without belongs to no domain. Ends at the first
// that is missing, so that rules by the thousand, which no node has labels for, cost little.
bool HasDomains(const PodInfo& pod, const NodeInfo& node, bool required) {
  return std::ranges::all_of(pod.relations->spread, [&](const SpreadRule& rule) {
    return rule.required != required || api::FindIn(node.labels(), rule.topology_key) != nullptr;
  });
}

bool NodeCounts(const PodInfo& pod, const NodeInfo& node, const SpreadRule& rule) {
  if (node.object == nullptr || !HasDomains(pod, node, rule.required)) return false;
  if (rule.honours_affinity && !SelectsNode(pod, node)) return false;
  return !rule.honours_taints || ToleratesNode(pod, node);
}

// The nodes with all labels that the rules of one kind speak of, worked out once for all of those rules.
std::vector<const NodeInfo*> NodesWithDomains(const PodInfo& pod, const Cluster& cluster, bool required) {
  std::vector<const NodeInfo*> nodes;
  bool any = std::ranges::any_of(pod.relations->spread, [&](const SpreadRule& rule) { return rule.required == required; });
  for (size_t i = 0; any && i < cluster.size(); ++i) {
    if (HasDomains(pod, cluster.at(i), required)) nodes.push_back(&cluster.at(i));
  }
  return nodes;
}

SpreadFacts::Rule CountRule(const PodInfo& pod, const SpreadRule& rule, const Cluster& cluster, const Without& without,
                            std::span<const NodeInfo* const> nodes) {
  SpreadFacts::Rule facts{&rule, {}, 0, rule.selector.Matches(pod.pod.head().labels) ? 1 : 0};
  for (const NodeInfo* node : nodes) {
    if (NodeCounts(pod, *node, rule)) facts.counts.try_emplace(*api::FindIn(node->labels(), rule.topology_key), 0);
  }
  if (facts.counts.empty()) return facts;  // then no pod stands in a domain
  for (const PlacedPod* placed : cluster.PodsIn(pod.pod.namespace_())) {
    // Who is leaving makes room already.
    if (placed->pod.object()->deleting() || without.contains(placed)) continue;
    if (!rule.selector.Matches(placed->pod.head().labels)) continue;
    const NodeInfo& node = cluster.NodeOf(*placed);
    if (NodeCounts(pod, node, rule)) ++facts.counts[*api::FindIn(node.labels(), rule.topology_key)];
  }
  // With fewer domains than demanded, the missing ones count as empty.
  if (!facts.counts.empty() && static_cast<int64_t>(facts.counts.size()) >= rule.min_domains) {
    facts.fewest = std::ranges::min_element(facts.counts, {}, [](const auto& entry) { return entry.second; })->second;
  }
  return facts;
}

enum class Verdict : unsigned char { kFits, kNoDomain, kTooUneven };

Verdict Judge(const Attempt& attempt, const NodeInfo& node) {
  if (!attempt.spread) return Verdict::kFits;
  for (const SpreadFacts::Rule& facts : attempt.spread->rules) {
    if (!facts.rule->required) continue;
    const std::string* domain = api::FindIn(node.labels(), facts.rule->topology_key);
    if (domain == nullptr) return Verdict::kNoDomain;
    auto found = facts.counts.find(*domain);
    int64_t here = found == facts.counts.end() ? 0 : found->second;
    if (here + facts.self - facts.fewest > facts.rule->max_skew) return Verdict::kTooUneven;
  }
  return Verdict::kFits;
}

// The more pods a domain has, the less it is worth; one domain among many weighs more than one among few.
double Crowd(int64_t pods, size_t domains, double max_skew) {
  return static_cast<double>(pods) * std::log(static_cast<double>(domains) + 2) + (max_skew - 1);
}

void Finish(std::span<const double> crowds, std::span<int64_t> ratings) {
  std::vector<int64_t> whole(crowds.size());
  int64_t least = INT64_MAX, most = 0;
  for (size_t i = 0; i < crowds.size(); ++i) {
    if (crowds[i] < 0) continue;
    whole[i] = std::llround(crowds[i]);
    least = std::min(least, whole[i]);
    most = std::max(most, whole[i]);
  }
  for (size_t i = 0; i < crowds.size(); ++i) {
    ratings[i] = crowds[i] < 0 ? 0 : most == 0 ? kMostRating : kMostRating * (most + least - whole[i]) / most;
  }
}

void AddPreferredRule(const SpreadFacts::Rule& facts, std::span<const NodeInfo* const> nodes, std::span<double> crowds) {
  const SpreadRule& rule = *facts.rule;
  std::unordered_set<std::string_view> domains;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (crowds[i] >= 0) domains.insert(*api::FindIn(nodes[i]->labels(), rule.topology_key));
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (crowds[i] < 0) continue;
    auto found = facts.counts.find(*api::FindIn(nodes[i]->labels(), rule.topology_key));
    int64_t pods = found == facts.counts.end() ? 0 : found->second;
    crowds[i] += Crowd(pods, domains.size(), static_cast<double>(rule.max_skew));
  }
}

void RateSiblings(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<double> crowds) {
  const std::vector<int64_t>& in_zone = attempt.siblings_in_zone;
  for (size_t i = 0; i < nodes.size(); ++i) {
    auto here = attempt.siblings->find(nodes[i]->slot);
    crowds[i] = Crowd(here == attempt.siblings->end() ? 0 : here->second, nodes.size(), kNodeSkew);
    if (!in_zone.empty() && nodes[i]->zone != 0) crowds[i] += Crowd(in_zone[nodes[i]->zone], attempt.zones, kZoneSkew);
  }
}

}  // namespace

SpreadFacts PrepareSpread(const PodInfo& pod, const Cluster& cluster, const Without& without) {
  SpreadFacts facts;
  const std::vector<const NodeInfo*> required = NodesWithDomains(pod, cluster, true);
  const std::vector<const NodeInfo*> preferred = NodesWithDomains(pod, cluster, false);
  for (const SpreadRule& rule : pod.relations->spread) {
    facts.rules.push_back(CountRule(pod, rule, cluster, without, rule.required ? required : preferred));
  }
  return facts;
}

bool FitsSpread(const Attempt& attempt, const NodeInfo& node) {
  return Judge(attempt, node) == Verdict::kFits;
}

void ExplainSpread(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons) {
  bool no_domain = Judge(attempt, node) == Verdict::kNoDomain;
  reasons.emplace_back(no_domain ? "node(s) didn't match pod topology spread constraints (missing required label)"
                                 : "node(s) didn't match pod topology spread constraints");
}

bool RoomHelpsSpread(const Attempt& attempt, const NodeInfo& node) {
  return Judge(attempt, node) != Verdict::kNoDomain;
}

bool RatesSpread(const Attempt& attempt, std::span<const NodeInfo* const> nodes) {
  if (attempt.siblings != nullptr) return true;
  return attempt.spread &&
         std::ranges::any_of(attempt.spread->rules, [](const auto& facts) { return !facts.rule->required; });
}

void RateSpread(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings) {
  std::vector<double> crowds(nodes.size(), 0);
  if (attempt.siblings != nullptr) {
    RateSiblings(attempt, nodes, crowds);
  } else {
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (!HasDomains(attempt.pod, *nodes[i], false)) crowds[i] = -1;  // out of the comparison
    }
    for (const SpreadFacts::Rule& facts : attempt.spread->rules) {
      if (!facts.rule->required) AddPreferredRule(facts, nodes, crowds);
    }
  }
  Finish(crowds, ratings);
}

}  // namespace sampan::scheduler::plugins
