#include "scheduler/plugins/node_affinity.h"

#include <algorithm>
#include <charconv>

namespace sampan::scheduler::plugins {
namespace {

using api::core::NodeAffinity;
using api::core::NodeSelectorRequirement;
using api::core::NodeSelectorTerm;

bool Compare(const std::string& label, const NodeSelectorRequirement& requirement) {
  int64_t value = 0, bound = 0;
  auto parse = [](const std::string& text, int64_t& out) {
    auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
    return fault == std::errc() && end == text.data() + text.size();
  };
  if (requirement.values.size() != 1 || !parse(label, value) || !parse(requirement.values[0], bound)) return false;
  return requirement.operator_ == "Gt" ? value > bound : value < bound;
}

bool Matches(const NodeSelectorRequirement& requirement, const std::string* label) {
  bool listed = label != nullptr && std::ranges::find(requirement.values, *label) != requirement.values.end();
  if (requirement.operator_ == "In") return listed;
  if (requirement.operator_ == "NotIn") return !listed;
  if (requirement.operator_ == "Exists") return label != nullptr;
  if (requirement.operator_ == "DoesNotExist") return label == nullptr;
  return label != nullptr && Compare(*label, requirement);
}

// A term without any requirement matches nothing.
bool Matches(const NodeSelectorTerm& term, const NodeInfo& node) {
  if (term.match_expressions.empty() && term.match_fields.empty()) return false;
  return std::ranges::all_of(
             term.match_expressions,
             [&](const auto& requirement) { return Matches(requirement, api::FindIn(node.labels(), requirement.key)); }) &&
         std::ranges::all_of(term.match_fields, [&](const auto& requirement) {
           return Matches(requirement, requirement.key == "metadata.name" ? &node.name : nullptr);
         });
}

}  // namespace

bool SelectsNode(const PodInfo& pod, const NodeInfo& node) {
  for (const auto& [key, value] : pod.spec().node_selector) {
    const std::string* label = api::FindIn(node.labels(), key);
    if (label == nullptr || *label != value) return false;
  }
  const auto& required =
      pod.spec().affinity.OrEmpty().node_affinity.OrEmpty().required_during_scheduling_ignored_during_execution;
  if (!required) return true;
  return std::ranges::any_of(required->node_selector_terms, [&](const auto& term) { return Matches(term, node); });
}

bool FitsNodeAffinity(const Attempt& attempt, const NodeInfo& node) {
  return SelectsNode(attempt.pod, node);
}

void ExplainNodeAffinity(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons) {
  reasons.emplace_back("node(s) didn't match Pod's node affinity/selector");
}

bool RatesNodeAffinity(const Attempt& attempt, std::span<const NodeInfo* const> nodes) {
  return !attempt.pod.spec()
              .affinity.OrEmpty()
              .node_affinity.OrEmpty()
              .preferred_during_scheduling_ignored_during_execution.empty();
}

void RateNodeAffinity(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings) {
  const NodeAffinity& affinity = *attempt.pod.spec().affinity->node_affinity;
  for (size_t i = 0; i < nodes.size(); ++i) {
    ratings[i] = 0;
    for (const auto& preferred : affinity.preferred_during_scheduling_ignored_during_execution) {
      if (Matches(preferred.preference, *nodes[i])) ratings[i] += preferred.weight;
    }
  }
  Normalise(ratings, Direction::kMoreIsBetter);
}

}  // namespace sampan::scheduler::plugins
