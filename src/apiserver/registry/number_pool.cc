#include "apiserver/registry/number_pool.h"

#include <algorithm>

namespace sampan::apiserver {

NumberPool::NumberPool(uint32_t first, uint32_t dynamic_first, uint32_t end, Rng& rng)
    : first_(first), dynamic_first_(std::min(dynamic_first, end)), end_(end), rng_(rng) {}

bool NumberPool::Take(uint32_t number) {
  return Contains(number) && held_.Lock()->insert(number).second;
}

std::optional<uint32_t> NumberPool::TakeAny() {
  auto held = held_.Lock();
  if (held->size() == end_ - first_) return std::nullopt;
  // A range that is not nearly full gives a free number within a few tries.
  for (int i = 0; i < 16 && dynamic_first_ < end_; ++i) {
    auto number = static_cast<uint32_t>(dynamic_first_ + rng_.Below(end_ - dynamic_first_));
    if (held->insert(number).second) return number;
  }
  for (uint32_t number = dynamic_first_; number < end_; ++number) {
    if (held->insert(number).second) return number;
  }
  for (uint32_t number = first_; number < dynamic_first_; ++number) {
    if (held->insert(number).second) return number;
  }
  return std::nullopt;
}

void NumberPool::Release(uint32_t number) {
  held_.Lock()->erase(number);
}

size_t NumberPool::held() const {
  return held_.ReadLock()->size();
}

}  // namespace sampan::apiserver
