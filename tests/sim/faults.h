// What goes wrong in a run, and where. Every choice comes from the run's seed, so a seed replays its faults.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/rng.h"
#include "base/time.h"

namespace sampan::sim {

enum class Point : unsigned char {
  kApiRefused,        // the request never arrives
  kApiReplyLost,      // the request takes effect, its answer is lost
  kApiSlow,           // request or answer take their time
  kApiTwice,          // the request arrives twice
  kWatchEnds,         // the connection of a watch breaks
  kWatchExpires,      // a watch is told 410
  kStoreSlow,         // a write waits before it is durable, or before it is acknowledged
  kStoreLosesPlace,   // the store ends a cache's watch
  kCrashBeforeWrite,  // the server's process dies with the write undone
  kCrashAfterWrite,   // ... with the write durable and not acknowledged
  kRuntimeFails,      // a call of a node's container runtime fails
};
inline constexpr size_t kPoints = static_cast<size_t>(Point::kRuntimeFails) + 1;

// One thread.
class Faults {
 public:
  explicit Faults(uint64_t seed);

  bool Strike(Point point);  // whether it goes wrong this time
  Duration Delay();          // of something slow: milliseconds mostly, sometimes seconds
  void Stop();               // from now on nothing goes wrong

  uint64_t Below(uint64_t bound) { return rng_->Below(bound); }
  bool Chance(uint64_t of_a_thousand) { return Below(1000) < of_a_thousand; }
  Duration Between(Duration least, Duration most);
  std::string Summary() const;  // how often what went wrong

 private:
  std::unique_ptr<Rng> rng_;
  bool stopped_ = false;
  std::array<uint64_t, kPoints> of_ten_thousand_{};
  std::array<uint64_t, kPoints> struck_{};
};

}  // namespace sampan::sim
