// Who may be served now: the limits on requests in flight, and where priority and fairness has its place. A request is
// first classified, then waits for a place (today: is given one at once or refused), and holds it until its answer is out.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "apiserver/gate/request.h"
#include "async/task.h"

namespace sampan::apiserver {

// What is limited together.
enum class Flow : unsigned char { kReadOnly, kMutating, kLongRunning };
inline constexpr size_t kFlows = 3;
enum class Exempt : bool { kNo, kYes };

struct FlowSchema {
  Flow flow = Flow::kReadOnly;
  Exempt exempt = Exempt::kNo;  // counted, and never refused: whoever repairs an overloaded server
};

struct PlaceLimits {
  size_t readonly = 400;
  size_t mutating = 200;
  size_t long_running = 20'000;
};

// Held while a request is served. Empty when none was given.
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

// Thread-safe; outlives its places.
class Places {
 public:
  explicit Places(const PlaceLimits& limits);

  // By who asks for what. Pure.
  static FlowSchema Classify(const ApiRequest& request);
  // TooManyRequests when there is no place.
  Task<Result<Place>> Acquire(FlowSchema schema);

  int64_t InFlight(Flow flow) const { return counts_[static_cast<size_t>(flow)].load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  const std::array<int64_t, kFlows> limits_;
  std::array<std::atomic<int64_t>, kFlows> counts_{};
  std::atomic<uint64_t> refused_{0};
};

}  // namespace sampan::apiserver
