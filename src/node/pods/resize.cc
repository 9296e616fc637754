#include "node/pods/resize.h"

#include <algorithm>

#include <fmt/format.h>

#include "node/pods/amount.h"
#include "node/pods/resources.h"

namespace sampan::node {

using namespace api::core;

namespace {

bool SameAmount(const api::Map<api::Quantity>& a, const api::Map<api::Quantity>& b, std::string_view resource) {
  const api::Quantity* left = a.Find(resource);
  const api::Quantity* right = b.Find(resource);
  if (left == nullptr || right == nullptr) return left == right;
  return *left == *right;
}

// What is not set is no limit.
template <class T>
std::optional<int64_t> Wider(const std::optional<T>& a, const std::optional<T>& b) {
  int64_t left = a ? static_cast<int64_t>(*a) : -1, right = b ? static_cast<int64_t>(*b) : -1;
  if (left < 0 || right < 0) return -1;
  return std::max(left, right);
}

}  // namespace

ResizeEffect ResizeEffectOf(const Container& container, const ResourceRequirements& applied) {
  const ResourceRequirements& wanted = container.resources.OrEmpty();
  ResizeEffect effect = ResizeEffect::kNone;
  for (std::string_view resource : {"cpu", "memory"}) {
    if (SameAmount(wanted.requests, applied.requests, resource) && SameAmount(wanted.limits, applied.limits, resource)) {
      continue;
    }
    auto policy = std::ranges::find(container.resize_policy, resource, &ContainerResizePolicy::resource_name);
    bool restarts = policy != container.resize_policy.end() && policy->restart_policy == "RestartContainer";
    effect = std::max(effect, restarts ? ResizeEffect::kRestart : ResizeEffect::kUpdate);
  }
  return effect;
}

std::optional<WaitingReason> ResizeObstacle(const PodSpec& spec, const api::Map<api::Quantity>& allocatable,
                                            const OthersRequest& others) {
  for (std::string_view resource : {"cpu", "memory"}) {
    const api::Quantity* total = allocatable.Find(resource);
    if (total == nullptr) continue;
    const int64_t capacity = resource == "cpu" ? total->MilliValue() : total->Value();
    const int64_t wanted = PodRequest(spec, resource);
    if (wanted > capacity) {
      return WaitingReason{"Infeasible", fmt::format("Node didn't have enough capacity: {}, requested: {}, capacity: {}",
                                                     resource, wanted, capacity)};
    }
    const int64_t used = others(resource);
    if (AddAmounts(wanted, used) > capacity) {
      return WaitingReason{
          "Deferred", fmt::format("Node didn't have enough resource: {}, requested: {}, used: {}, capacity: {}", resource,
                                  wanted, used, capacity)};
    }
  }
  return std::nullopt;
}

PodSpec AppliedSpec(const PodSpec& spec, const PodMemory& memory) {
  PodSpec out = spec;
  for (auto* list : {&out.containers, &out.init_containers}) {
    for (Container& container : *list) {
      const ContainerMemory& known = memory.Of(container.name);
      if (!known.applied_to.empty()) container.resources = known.applied;
    }
  }
  return out;
}

os::CgroupLimits Widest(const os::CgroupLimits& a, const os::CgroupLimits& b) {
  os::CgroupLimits out;
  out.cpu_shares = std::max(a.cpu_shares.value_or(2), b.cpu_shares.value_or(2));
  out.cpu_quota_microseconds = Wider(a.cpu_quota_microseconds, b.cpu_quota_microseconds);
  out.memory_bytes = Wider(a.memory_bytes, b.memory_bytes);
  return out;
}

}  // namespace sampan::node
