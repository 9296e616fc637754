#include "scheduler/plugins/node_resources.h"

#include <algorithm>
#include <cmath>

namespace sampan::scheduler::plugins {
namespace {

bool Lacks(int64_t wanted, int64_t requested, int64_t allocatable) {
  return wanted > 0 && wanted > allocatable - requested;
}

bool FitsBeside(const Resources& want, const Resources& used, const Resources& all) {
  if (Lacks(want.pods, used.pods, all.pods) || Lacks(want.milli_cpu, used.milli_cpu, all.milli_cpu) ||
      Lacks(want.memory, used.memory, all.memory) ||
      Lacks(want.ephemeral_storage, used.ephemeral_storage, all.ephemeral_storage)) {
    return false;
  }
  return std::ranges::none_of(want.extended, [&](const auto& entry) {
    return Lacks(entry.second, used.extended.Get(entry.first), all.extended.Get(entry.first));
  });
}

int64_t FreeShare(int64_t wanted, int64_t requested, int64_t allocatable) {
  if (allocatable == 0 || requested + wanted > allocatable) return 0;
  return (allocatable - requested - wanted) * kMostRating / allocatable;
}

double UsedShare(int64_t wanted, int64_t requested, int64_t allocatable) {
  if (allocatable == 0) return 1;
  return std::min(1.0, static_cast<double>(requested + wanted) / static_cast<double>(allocatable));
}

}  // namespace

bool FitsResources(const Attempt& attempt, const NodeInfo& node) {
  return FitsBeside(attempt.pod.requests, node.requested, node.allocatable);
}

bool RoomHelpsResources(const Attempt& attempt, const NodeInfo& node) {
  return FitsBeside(attempt.pod.requests, {}, node.allocatable);
}

void ExplainResources(const Attempt& attempt, const NodeInfo& node, std::vector<std::string>& reasons) {
  const Resources &want = attempt.pod.requests, &used = node.requested, &all = node.allocatable;
  if (Lacks(want.pods, used.pods, all.pods)) reasons.emplace_back("Too many pods");
  if (Lacks(want.milli_cpu, used.milli_cpu, all.milli_cpu)) reasons.emplace_back("Insufficient cpu");
  if (Lacks(want.memory, used.memory, all.memory)) reasons.emplace_back("Insufficient memory");
  if (Lacks(want.ephemeral_storage, used.ephemeral_storage, all.ephemeral_storage)) {
    reasons.emplace_back("Insufficient ephemeral-storage");
  }
  for (const auto& [name, amount] : want.extended) {
    if (Lacks(amount, used.extended.Get(name), all.extended.Get(name))) reasons.push_back("Insufficient " + name);
  }
}

bool RatesResources(const Attempt& attempt, std::span<const NodeInfo* const> nodes) {
  return true;
}

void RateLeastAllocated(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings) {
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Resources &used = nodes[i]->scoring_requested, &all = nodes[i]->allocatable;
    ratings[i] = (FreeShare(attempt.pod.scoring.milli_cpu, used.milli_cpu, all.milli_cpu) +
                  FreeShare(attempt.pod.scoring.memory, used.memory, all.memory)) /
                 2;
  }
}

void RateBalancedAllocation(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings) {
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Resources &used = nodes[i]->requested, &all = nodes[i]->allocatable;
    double cpu = UsedShare(attempt.pod.requests.milli_cpu, used.milli_cpu, all.milli_cpu);
    double memory = UsedShare(attempt.pod.requests.memory, used.memory, all.memory);
    ratings[i] = static_cast<int64_t>((1 - std::abs(cpu - memory) / 2) * kMostRating);
  }
}

}  // namespace sampan::scheduler::plugins
