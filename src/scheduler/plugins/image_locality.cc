#include "scheduler/plugins/image_locality.h"

#include <algorithm>

namespace sampan::scheduler::plugins {
namespace {

// What is smaller is pulled in no time; what is larger than the limit (a container) is as good as any other large image.
constexpr int64_t kLeastBytes = int64_t{23} << 20;
constexpr int64_t kMostBytesEach = int64_t{1000} << 20;

}  // namespace

bool RatesImages(const Attempt& attempt, std::span<const NodeInfo* const> nodes) {
  return !attempt.images.empty();
}

void RateImages(const Attempt& attempt, std::span<const NodeInfo* const> nodes, std::span<int64_t> ratings) {
  const auto& spec = attempt.pod.spec();
  int64_t most = kMostBytesEach * static_cast<int64_t>(spec.containers.size() + spec.init_containers.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    double bytes = 0;
    for (const HeldImage* image : attempt.images) {
      if (!image->slots.contains(nodes[i]->slot)) continue;
      // An image that few nodes hold counts for less, so that pods do not all gather on those.
      bytes +=
          static_cast<double>(image->size) * static_cast<double>(image->slots.size()) / static_cast<double>(attempt.nodes);
    }
    auto whole = static_cast<int64_t>(std::clamp(bytes, static_cast<double>(kLeastBytes), static_cast<double>(most)));
    ratings[i] = kMostRating * (whole - kLeastBytes) / (most - kLeastBytes);
  }
}

}  // namespace sampan::scheduler::plugins
