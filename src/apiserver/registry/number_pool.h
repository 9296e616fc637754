// Numbers of a range, each held by at most one owner: the offsets of cluster addresses and the node ports.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_set>

#include "base/guarded.h"
#include "base/rng.h"

namespace sampan::apiserver {

// Thread-safe. Kept in memory only: the objects that hold the numbers are the truth, and Take()s at start recover it.
class NumberPool {
 public:
  // Hands out [first, end). Numbers below `dynamic_first` are left for owners that ask for one by number as long as
  // others are free.
  NumberPool(uint32_t first, uint32_t dynamic_first, uint32_t end, Rng& rng);

  bool Contains(uint32_t number) const { return number >= first_ && number < end_; }
  // False when it is held already or out of range.
  bool Take(uint32_t number);
  // A free number; nothing when all are held.
  std::optional<uint32_t> TakeAny();
  void Release(uint32_t number);
  size_t held() const;

 private:
  const uint32_t first_;
  const uint32_t dynamic_first_;
  const uint32_t end_;
  Rng& rng_;
  Guarded<std::unordered_set<uint32_t>> held_;
};

}  // namespace sampan::apiserver
