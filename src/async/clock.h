// The clock and its timers. Production code takes a Clock&; tests and the simulation pass a ManualClock, whose time
// moves only when told.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "async/cancel.h"
#include "async/task.h"
#include "base/time.h"

namespace sampan {

// Thread-safe.
class Clock {
 public:
  using TimerId = uint64_t;
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual MonoTime Monotonic() const = 0;
  // Runs the callback once after `delay` on the clock's thread; it must be short.
  virtual TimerId After(Duration delay, std::move_only_function<void()> callback) = 0;
  // False when the callback has run or is running.
  virtual bool Cancel(TimerId id) = 0;

  // Waits; true when the whole time passed, false when `stop` ended it early.
  Task<bool> Sleep(Duration duration, CancelToken stop = {});
};

// The machine's clock with one timer thread, stopped by the destructor; callbacks still queued are dropped.
std::unique_ptr<Clock> NewSystemClock();

// Starts at 2026-01-01T00:00:00Z. Callbacks run inside Advance, in order of time.
class ManualClock final : public Clock {
 public:
  WallTime Now() const override;
  MonoTime Monotonic() const override;
  TimerId After(Duration delay, std::move_only_function<void()> callback) override;
  bool Cancel(TimerId id) override;

  void Advance(Duration duration);
  // Time until the next timer; nothing when there is none.
  std::optional<Duration> UntilNext() const;

 private:
  mutable std::mutex mutex_;
  Duration elapsed_{0};
  TimerId next_id_ = 1;
  std::map<std::pair<Duration, TimerId>, std::move_only_function<void()>> timers_;
};

}  // namespace sampan
