// A place among the requests that are served.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace sampan::apiserver {

// Held while a request is answered or its work goes on. Empty when none was given.
class Place {
 public:
  Place() = default;
  explicit Place(std::atomic<int64_t>& count) : count_(&count) {}
  Place(Place&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Place& operator=(Place&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~Place() {
    if (count_ != nullptr) count_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t>* count_ = nullptr;
};

}  // namespace sampan::apiserver
