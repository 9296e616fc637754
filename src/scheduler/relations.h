// What a pod says about other pods: affinity, anti-affinity and even spreading, worked out once in the form that matches.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta/label_selector.h"
#include "api/object.h"
#include "api/types/core.h"

namespace sampan::scheduler {

// One term of pod affinity or anti-affinity.
struct PodTerm {
  api::LabelSelector selector;
  std::vector<std::string> namespaces;    // pods of these,
  api::LabelSelector namespace_selector;  // and of namespaces with such labels (Nothing() when the term has none)
  bool selects_namespaces = false;        // whether it has one
  std::string topology_key;
  int64_t weight = 0;  // of a preference; negative to keep away

  bool InNamespace(std::string_view name, const api::StringMap& labels) const;
};

struct SpreadRule {
  std::string topology_key;
  api::LabelSelector selector;  // of pods in the pod's own namespace
  int64_t max_skew = 1;
  int64_t min_domains = 1;
  bool required = true;          // else the pod only prefers it
  bool honours_affinity = true;  // nodes that the pod's node affinity excludes do not count
  bool honours_taints = false;   // nor do nodes whose taints it does not tolerate
};

struct Relations {
  std::vector<PodTerm> affinity;
  std::vector<PodTerm> anti_affinity;
  std::vector<PodTerm> preferred;  // both kinds
  std::vector<SpreadRule> spread;

  bool touches_affinity() const { return !affinity.empty() || !preferred.empty(); }
  size_t size() const { return affinity.size() + anti_affinity.size() + preferred.size() + spread.size(); }
};

// Null for a pod that says nothing about others.
std::shared_ptr<const Relations> RelationsOf(const api::core::Pod& pod);

}  // namespace sampan::scheduler
