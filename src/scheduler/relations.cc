#include "scheduler/relations.h"

#include <algorithm>

namespace sampan::scheduler {
namespace {

namespace core = api::core;
using api::LabelSelector;

LabelSelector Compile(const api::meta::LabelSelector& selector) {
  // What was stored has been validated; should it not compile all the same, it selects nothing.
  Result<LabelSelector> made = LabelSelector::From(selector);
  return made ? *std::move(made) : LabelSelector::Nothing();
}

// The selector, narrowed (or, with NotIn, widened) to the values that the pod itself has of some labels.
void AddOwnValues(const core::Pod& pod, const std::vector<std::string>& keys, std::string_view operator_,
                  api::meta::LabelSelector& selector) {
  for (const std::string& key : keys) {
    const std::string* value = pod.metadata.labels.Find(key);
    if (value == nullptr) continue;
    api::meta::LabelSelectorRequirement requirement;
    requirement.key = key;
    requirement.operator_ = operator_;
    requirement.values = {*value};
    selector.match_expressions.push_back(std::move(requirement));
  }
}

PodTerm TermOf(const core::Pod& pod, const core::PodAffinityTerm& term, int64_t weight) {
  PodTerm out;
  if (term.label_selector) {
    api::meta::LabelSelector selector = *term.label_selector;
    AddOwnValues(pod, term.match_label_keys, "In", selector);
    AddOwnValues(pod, term.mismatch_label_keys, "NotIn", selector);
    out.selector = Compile(selector);
  } else {
    out.selector = LabelSelector::Nothing();
  }
  out.namespaces = term.namespaces;
  out.selects_namespaces = static_cast<bool>(term.namespace_selector);
  if (out.selects_namespaces) {
    out.namespace_selector = Compile(*term.namespace_selector);
  } else if (out.namespaces.empty()) {
    out.namespaces.push_back(pod.metadata.namespace_);
  }
  out.topology_key = term.topology_key;
  out.weight = weight;
  return out;
}

SpreadRule RuleOf(const core::Pod& pod, const core::TopologySpreadConstraint& constraint) {
  SpreadRule rule;
  rule.topology_key = constraint.topology_key;
  if (constraint.label_selector) {
    api::meta::LabelSelector selector = *constraint.label_selector;
    AddOwnValues(pod, constraint.match_label_keys, "In", selector);
    rule.selector = Compile(selector);
  } else {
    rule.selector = LabelSelector::Nothing();
  }
  rule.max_skew = constraint.max_skew;
  rule.min_domains = constraint.min_domains.value_or(1);
  rule.required = constraint.when_unsatisfiable != "ScheduleAnyway";
  rule.honours_affinity = constraint.node_affinity_policy != "Ignore";
  rule.honours_taints = constraint.node_taints_policy == "Honor";
  return rule;
}

template <class Side>
void AddTerms(const core::Pod& pod, const Side& side, int64_t sign, std::vector<PodTerm>& required,
              std::vector<PodTerm>& preferred) {
  for (const auto& term : side.required_during_scheduling_ignored_during_execution) {
    required.push_back(TermOf(pod, term, 0));
  }
  for (const auto& weighted : side.preferred_during_scheduling_ignored_during_execution) {
    preferred.push_back(TermOf(pod, weighted.pod_affinity_term, sign * weighted.weight));
  }
}

}  // namespace

bool PodTerm::InNamespace(std::string_view name, const api::StringMap& labels) const {
  return std::ranges::find(namespaces, name) != namespaces.end() ||
         (selects_namespaces && namespace_selector.Matches(labels));
}

std::shared_ptr<const Relations> RelationsOf(const core::Pod& pod) {
  const core::Affinity& affinity = pod.spec.affinity.OrEmpty();
  if (!affinity.pod_affinity && !affinity.pod_anti_affinity && pod.spec.topology_spread_constraints.empty()) return nullptr;
  auto relations = std::make_shared<Relations>();
  if (affinity.pod_affinity) AddTerms(pod, *affinity.pod_affinity, 1, relations->affinity, relations->preferred);
  if (affinity.pod_anti_affinity) {
    AddTerms(pod, *affinity.pod_anti_affinity, -1, relations->anti_affinity, relations->preferred);
  }
  for (const auto& constraint : pod.spec.topology_spread_constraints) relations->spread.push_back(RuleOf(pod, constraint));
  return relations;
}

}  // namespace sampan::scheduler
