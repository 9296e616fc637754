// One pod looking for a node, with what is worked out once for all nodes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scheduler/cluster.h"

namespace sampan::scheduler {

// Numbers by the value of a topology label: "zone-a" -> 3. The texts belong to the cluster's nodes.
using DomainCounts = std::unordered_map<std::string_view, int64_t>;

// What pods' affinity and anti-affinity, the pod's own and that of the pods placed already, say about places.
struct AffinityFacts {
  using ByKey = std::unordered_map<std::string_view, DomainCounts>;  // by topology key
  std::vector<DomainCounts> attracting;  // for each required term: domains with pods that match all of them
  bool first_of_its_kind = false;        // no pod matches them, except this one itself
  std::vector<DomainCounts> repelling;   // for each anti-affinity term: domains with pods that match it
  ByKey forbidden;                       // by anti-affinity of placed pods
  ByKey preference;                      // sums of weights
};

// How evenly the pods are spread that each rule counts.
struct SpreadFacts {
  struct Rule {
    const SpreadRule* rule = nullptr;
    DomainCounts counts;  // of every domain that counts, empty ones too
    int64_t fewest = 0;   // in any of them
    int64_t self = 0;     // 1 when the pod itself counts
  };
  std::vector<Rule> rules;
};

// Valid until the cluster changes.
struct Attempt {
  const PodInfo& pod;
  std::optional<AffinityFacts> affinity;  // absent when it says nothing
  std::optional<SpreadFacts> spread;
  std::vector<const HeldImage*> images;     // one for each container whose image some node holds
  const SiblingCounts* siblings = nullptr;  // when the pod has no spread rules of its own
  std::vector<int64_t> siblings_in_zone;    // by NodeInfo::zone; empty in a cluster of less than two zones
  size_t nodes = 0;                         // in the cluster
  size_t zones = 0;
};

// `without`: placed pods that are looked upon as gone.
using Without = std::unordered_set<const PlacedPod*>;
Attempt Prepare(const PodInfo& pod, const Cluster& cluster, const Without& without = {});

}  // namespace sampan::scheduler
