// Who may be served now: the limits on requests in flight, and where priority and fairness has its place. A request is
// first classified, then waits for a place (today: is given one at once or refused), and holds it until its answer is out
// and its work is done, be it behind its deadline.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "apiserver/gate/place.h"
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
