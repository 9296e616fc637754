// A place among the requests that are served.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

namespace sampan::apiserver {

// Held while a request is answered or its work goes on. Empty when none was given.
class Place {
 public:
  // What it counts in: its flow, and where that matters those who share a limit and the account. Null where it does not.
  using Counts = std::array<std::atomic<int64_t>*, 3>;

  Place() = default;
  explicit Place(const Counts& counts) : counts_(counts) {}
  Place(Place&& other) noexcept : counts_(std::exchange(other.counts_, {})) {}
  Place& operator=(Place&& other) noexcept {
    std::swap(counts_, other.counts_);
    return *this;
  }
  ~Place() {
    for (std::atomic<int64_t>* count : counts_) {
      if (count != nullptr) count->fetch_sub(1, std::memory_order_relaxed);
    }
  }

 private:
  Counts counts_{};
};

}  // namespace sampan::apiserver
