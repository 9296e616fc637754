// Amounts of resources as the scheduler counts them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "api/meta/map.h"
#include "api/meta/quantity.h"
#include "api/types/core.h"

namespace sampan::scheduler {

// Users write any amount, so sums are clamped: no node has 2^50 bytes, and thousands of pods that claim so fit in 64 bits.
inline constexpr int64_t kMostOfOne = int64_t{1} << 50;

struct Resources {
  int64_t milli_cpu = 0;
  int64_t memory = 0;             // bytes
  int64_t ephemeral_storage = 0;  // bytes
  int64_t pods = 0;
  api::Map<int64_t> extended;  // by name: "example.com/gpu", "hugepages-2Mi"

  static Resources Of(const api::Map<api::Quantity>& list);
  Resources& operator+=(const Resources& other);
  Resources& operator-=(const Resources& other);
  void LimitTo(int64_t most);  // each amount into [0, most]
  // The larger of each amount.
  void RaiseTo(const Resources& other);
};

// What a pod asks for: the sum of its containers and sidecars, at least what each init container needs while it runs
// beside the sidecars started before it, and the overhead. A pod-level request replaces the sum for its resource.
// Always one pod.
Resources RequestsOf(const api::core::PodSpec& spec);

// The same for scoring, where a container without a request counts as 100m CPU and 200 MiB: otherwise pods that ask for
// nothing would all land on one node.
Resources ScoringRequestsOf(const api::core::PodSpec& spec);

}  // namespace sampan::scheduler
