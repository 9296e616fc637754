#include "scheduler/plugins/taint_toleration.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace sampan::scheduler::plugins {
namespace {

using api::core::Taint;
using api::core::Toleration;

std::optional<int64_t> Whole(const std::string& text) {
  int64_t value = 0;
  auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool MatchesValue(const Toleration& toleration, const Taint& taint) {
  if (toleration.operator_ == "Exists") return true;
  if (toleration.operator_ == "Lt" || toleration.operator_ == "Gt") {
    std::optional<int64_t> bound = Whole(toleration.value);
    std::optional<int64_t> value = Whole(taint.value);
    if (!bound || !value) return false;
    return toleration.operator_ == "Lt" ? *value < *bound : *value > *bound;
  }
  return toleration.value == taint.value;
}

bool Matches(const Toleration& toleration, const Taint& taint) {
  if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
  if (!toleration.key.empty() && toleration.key != taint.key) return false;
  return MatchesValue(toleration, taint);
}

bool Repels(const Taint& taint) {
  return taint.effect == "NoSchedule" || taint.effect == "NoExecute";
}

const Taint* FirstUntolerated(const PodInfo& pod, const NodeInfo& node) {
  if (!node.tainted) return nullptr;
  for (const Taint& taint : node.taints()) {
    if (Repels(taint) && !Tolerates(pod.spec().tolerations, taint)) return &taint;
  }
  return nullptr;
}

}  // namespace

bool Tolerates(const std::vector<Toleration>& tolerations, const Taint& taint) {
  return std::ranges::any_of(tolerations, [&](const Toleration& toleration) { return Matches(toleration, taint); });
}

bool ToleratesNode(const PodInfo& pod, const NodeInfo& node) {
  return FirstUntolerated(pod, node) == nullptr;
}

bool FitsTaints(const Attempt& attempt, const NodeInfo& node) {
  return ToleratesNode(attempt.pod, node);
}

void ExplainTaints(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons) {
  const Taint* taint = FirstUntolerated(attempt.pod, node);
  reasons.push_back(fmt::format("node(s) had untolerated taint {{{}: {}}}", taint->key, taint->value));
}

bool RatesTaints(const Attempt& attempt, std::span<const NodeInfo* const> nodes) {
  return std::ranges::any_of(nodes, [](const NodeInfo* node) { return node->prefers_no_schedule; });
}

void RateTaints(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings) {
  for (size_t i = 0; i < nodes.size(); ++i) {
    ratings[i] = std::ranges::count_if(nodes[i]->taints(), [&](const Taint& taint) {
      return taint.effect == "PreferNoSchedule" && !Tolerates(attempt.pod.spec().tolerations, taint);
    });
  }
  Normalise(ratings, Direction::kLessIsBetter);
}

}  // namespace sampan::scheduler::plugins
