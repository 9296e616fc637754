#include "scheduler/plugins/pod_affinity.h"

#include <algorithm>

namespace sampan::scheduler::plugins {
namespace {

// What a required term of a placed pod is worth to the pods that it wants: whoever insists on company likes more of it.
constexpr int64_t kRequiredWeight = 1;
// Terms of each kind that are heard of a placed pod: every pod to come pays for them, and nobody means more than a few.
constexpr size_t kTermsHeard = 256;

bool Matches(const PodTerm& term, const PodPtr& pod, const Cluster& cluster) {
  return term.selector.Matches(pod.head().labels) &&
         term.InNamespace(pod.namespace_(), cluster.NamespaceLabels(pod.namespace_()));
}

bool MatchesAll(const std::vector<PodTerm>& terms, const PodPtr& pod, const Cluster& cluster) {
  return std::ranges::all_of(terms, [&](const PodTerm& term) { return Matches(term, pod, cluster); });
}

// The node's value of the label; null when it has none or is not there.
const std::string* DomainOf(const NodeInfo& node, const std::string& key) {
  return node.object == nullptr ? nullptr : api::FindIn(node.labels(), key);
}

// What the pod's own terms say of one placed pod.
void CountOwn(const PodInfo& pod, const PlacedPod& placed, const Cluster& cluster, AffinityFacts& facts) {
  const Relations& own = *pod.relations;
  const NodeInfo& node = cluster.NodeOf(placed);
  if (!own.affinity.empty() && MatchesAll(own.affinity, placed.pod, cluster)) {
    for (size_t i = 0; i < own.affinity.size(); ++i) {
      const std::string* domain = DomainOf(node, own.affinity[i].topology_key);
      if (domain != nullptr) ++facts.attracting[i][*domain];
    }
  }
  for (size_t i = 0; i < own.anti_affinity.size(); ++i) {
    const std::string* domain = DomainOf(node, own.anti_affinity[i].topology_key);
    if (domain != nullptr && Matches(own.anti_affinity[i], placed.pod, cluster)) ++facts.repelling[i][*domain];
  }
  for (const PodTerm& term : own.preferred) {
    const std::string* domain = DomainOf(node, term.topology_key);
    if (domain != nullptr && Matches(term, placed.pod, cluster)) facts.preference[term.topology_key][*domain] += term.weight;
  }
}

// What the terms of one placed pod say of the pod.
void CountTheirs(const PodInfo& pod, const PlacedPod& placed, const Cluster& cluster, AffinityFacts& facts) {
  const NodeInfo& node = cluster.NodeOf(placed);
  auto each = [&](const std::vector<PodTerm>& terms, auto visit) {
    for (const PodTerm& term : std::span(terms).first(std::min(terms.size(), kTermsHeard))) {
      const std::string* domain = DomainOf(node, term.topology_key);
      if (domain != nullptr && Matches(term, pod.pod, cluster)) visit(term, *domain);
    }
  };
  each(placed.relations->anti_affinity,
       [&](const PodTerm& term, const std::string& domain) { ++facts.forbidden[term.topology_key][domain]; });
  each(placed.relations->affinity, [&](const PodTerm& term, const std::string& domain) {
    facts.preference[term.topology_key][domain] += kRequiredWeight;
  });
  each(placed.relations->preferred,
       [&](const PodTerm& term, const std::string& domain) { facts.preference[term.topology_key][domain] += term.weight; });
}

// Visits the placed pods that the pod's terms may concern: those of the namespaces that they name.
template <class Visit>
void EachConcerned(const Relations& own, const Cluster& cluster, Visit visit) {
  std::vector<std::string> namespaces;
  bool anywhere = false;
  for (const auto* terms : {&own.affinity, &own.anti_affinity, &own.preferred}) {
    for (const PodTerm& term : *terms) {
      anywhere = anywhere || term.selects_namespaces;
      namespaces.insert(namespaces.end(), term.namespaces.begin(), term.namespaces.end());
    }
  }
  if (anywhere) {
    for (const auto& [uid, placed] : cluster.pods()) visit(placed);
    return;
  }
  std::ranges::sort(namespaces);
  auto repeated = std::ranges::unique(namespaces);
  namespaces.erase(repeated.begin(), repeated.end());
  for (const std::string& name : namespaces) {
    for (const PlacedPod* placed : cluster.PodsIn(name)) visit(*placed);
  }
}

enum class Verdict : unsigned char { kFits, kNotAttracted, kRepelled, kForbidden };

bool Attracted(const Attempt& attempt, const NodeInfo& node) {
  const std::vector<PodTerm>& terms = attempt.pod.relations->affinity;
  bool company = true;
  for (size_t i = 0; i < terms.size(); ++i) {
    const std::string* domain = DomainOf(node, terms[i].topology_key);
    if (domain == nullptr) return false;
    company = company && attempt.affinity->attracting[i].contains(*domain);
  }
  return company || attempt.affinity->first_of_its_kind;
}

bool Repelled(const Attempt& attempt, const NodeInfo& node) {
  const std::vector<PodTerm>& terms = attempt.pod.relations->anti_affinity;
  for (size_t i = 0; i < terms.size(); ++i) {
    const std::string* domain = DomainOf(node, terms[i].topology_key);
    if (domain != nullptr && attempt.affinity->repelling[i].contains(*domain)) return true;
  }
  return false;
}

Verdict Judge(const Attempt& attempt, const NodeInfo& node) {
  if (!attempt.affinity) return Verdict::kFits;
  if (attempt.pod.relations != nullptr) {
    if (!Attracted(attempt, node)) return Verdict::kNotAttracted;
    if (Repelled(attempt, node)) return Verdict::kRepelled;
  }
  for (const auto& [key, domains] : attempt.affinity->forbidden) {
    const std::string* domain = api::FindIn(node.labels(), key);
    if (domain != nullptr && domains.contains(*domain)) return Verdict::kForbidden;
  }
  return Verdict::kFits;
}

}  // namespace

std::optional<AffinityFacts> PrepareAffinity(const PodInfo& pod, const Cluster& cluster, const Without& without) {
  AffinityFacts facts;
  const Relations* own = pod.relations.get();
  bool speaks = own != nullptr && (own->touches_affinity() || !own->anti_affinity.empty());
  if (speaks) {
    facts.attracting.resize(own->affinity.size());
    facts.repelling.resize(own->anti_affinity.size());
    EachConcerned(*own, cluster, [&](const PlacedPod& placed) {
      if (!without.contains(&placed)) CountOwn(pod, placed, cluster, facts);
    });
    bool nobody = std::ranges::all_of(facts.attracting, [](const DomainCounts& domains) { return domains.empty(); });
    facts.first_of_its_kind = nobody && MatchesAll(own->affinity, pod.pod, cluster);
  }
  for (const PlacedPod* placed : cluster.related()) {
    if (!without.contains(placed)) CountTheirs(pod, *placed, cluster, facts);
  }
  if (!speaks && facts.forbidden.empty() && facts.preference.empty()) return std::nullopt;
  return facts;
}

bool FitsPodAffinity(const Attempt& attempt, const NodeInfo& node) {
  return Judge(attempt, node) == Verdict::kFits;
}

void ExplainPodAffinity(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons) {
  switch (Judge(attempt, node)) {
    case Verdict::kFits:
      break;
    case Verdict::kNotAttracted:
      reasons.emplace_back("node(s) didn't match pod affinity rules");
      break;
    case Verdict::kRepelled:
      reasons.emplace_back("node(s) didn't match pod anti-affinity rules");
      break;
    case Verdict::kForbidden:
      reasons.emplace_back("node(s) didn't satisfy existing pods anti-affinity rules");
      break;
  }
}

bool RoomHelpsPodAffinity(const Attempt& attempt, const NodeInfo& node) {
  return Judge(attempt, node) != Verdict::kNotAttracted;
}

bool RatesPodAffinity(const Attempt& attempt, std::span<const NodeInfo* const> nodes) {
  return attempt.affinity && !attempt.affinity->preference.empty();
}

void RatePodAffinity(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings) {
  for (size_t i = 0; i < nodes.size(); ++i) {
    ratings[i] = 0;
    for (const auto& [key, domains] : attempt.affinity->preference) {
      const std::string* domain = api::FindIn(nodes[i]->labels(), key);
      if (domain == nullptr) continue;
      auto found = domains.find(*domain);
      if (found != domains.end()) ratings[i] += found->second;
    }
  }
  auto [least, most] = std::ranges::minmax(ratings);
  for (int64_t& rating : ratings) rating = most == least ? 0 : (rating - least) * kMostRating / (most - least);
}

}  // namespace sampan::scheduler::plugins
