// Who may be served now: the limits on requests in flight, and where priority and fairness has its place. A request is
// first classified, then waits for a place (today: is given one at once or refused), and holds it until its answer is out
// and its work is done, be it behind its deadline.
//
// Nobody can take all places by requests that he does not let end: an account holds at most half of what the others leave,
// and a quarter of all places is kept for what the cluster itself needs.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "apiserver/gate/place.h"
#include "apiserver/gate/request.h"
#include "async/task.h"

namespace sampan::apiserver {

// What is limited together.
enum class Flow : unsigned char { kReadOnly, kMutating, kLongRunning };
inline constexpr size_t kFlows = 3;

// Whose requests these are.
enum class Rank : unsigned char {
  kExempt,  // counted, and never refused: whoever repairs an overloaded server; controllers and scheduler, which bound
            // what they ask at a time
  kNode,    // nodes, other components, and the accounts of kube-system: every place, in shares
  kUser,    // everybody else: not the places that are kept, in shares
};

struct FlowSchema {
  Flow flow = Flow::kReadOnly;
  Rank rank = Rank::kUser;
  std::string_view account;  // who has a share; into the request
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

  int64_t InFlight(Flow flow) const { return flows_[static_cast<size_t>(flow)].all.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  struct OfFlow {
    int64_t limit = 0;
    std::atomic<int64_t> all{0};
    std::atomic<int64_t> users{0};
    // By account, in buckets that nobody can choose: few enough to be there beforehand, so that counting needs no lock.
    std::vector<std::atomic<int64_t>> accounts;
  };
  Place::Counts CountsOf(const FlowSchema& schema);
  bool Fits(const FlowSchema& schema, const Place::Counts& counts) const;

  const uint64_t seed_;
  std::array<OfFlow, kFlows> flows_;
  std::atomic<uint64_t> refused_{0};
};

}  // namespace sampan::apiserver
