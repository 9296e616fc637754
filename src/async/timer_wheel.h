// The coarse timers of one I/O loop: arming and disarming are a few pointer writes. For that loop's thread only.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "async/io_loop.h"

namespace sampan {

class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(100);

  explicit TimerWheel(MonoTime now);

  void Arm(IoLoop::Timer& timer, Duration delay, MonoTime now);
  // Runs what is due. A callback may arm, disarm and destroy any timer, its own as well.
  void Advance(MonoTime now);
  // How long the loop may sleep; nothing when no timer is armed.
  std::optional<Duration> UntilNext(MonoTime now);

 private:
  static constexpr size_t kSlots = 512;  // 51 s a round; a timer further away is passed over until its round
  uint64_t TickOf(MonoTime time) const { return static_cast<uint64_t>((time - start_) / kTick); }
  void FireSlot(size_t slot, uint64_t tick);

  MonoTime start_;
  uint64_t done_tick_ = 0;  // everything due at or before it has run
  uint64_t next_tick_ = 1;  // the slots of the ticks behind done_tick_ and before it are empty
  std::array<TimerLink, kSlots> slots_;
};

}  // namespace sampan
