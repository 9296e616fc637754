#include "async/clock.h"

#include <condition_variable>
#include <thread>
#include <unordered_map>

#include "async/oneshot.h"
#include "base/contain.h"
#include "base/saturate.h"

namespace sampan {
namespace {

class SystemClock final : public Clock {
 public:
  SystemClock() : thread_([this] { Run(); }) {}
  ~SystemClock() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  WallTime Now() const override { return std::chrono::system_clock::now(); }
  MonoTime Monotonic() const override { return std::chrono::steady_clock::now(); }

  TimerId After(Duration delay, std::move_only_function<void()> callback) override {
    MonoTime due = SaturatedSum(Monotonic(), delay);
    std::lock_guard lock(mutex_);
    TimerId id = next_id_++;
    due_.emplace(id, due);
    bool first = timers_.empty() || due < timers_.begin()->first.first;
    timers_.emplace(std::pair(due, id), std::move(callback));
    if (first) changed_.notify_one();
    return id;
  }

  bool Cancel(TimerId id) override {
    std::move_only_function<void()> dropped;
    std::lock_guard lock(mutex_);
    auto due = due_.find(id);
    if (due == due_.end()) return false;
    auto timer = timers_.find(std::pair(due->second, id));
    dropped = std::move(timer->second);
    timers_.erase(timer);
    due_.erase(due);
    return true;
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (timers_.empty()) {
        changed_.wait(lock);
        continue;
      }
      MonoTime due = timers_.begin()->first.first;
      if (Monotonic() < due) {
        changed_.wait_until(lock, due);
        continue;
      }
      auto node = timers_.extract(timers_.begin());
      due_.erase(node.key().second);
      lock.unlock();
      Contain("timer", node.mapped());
      node = {};
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  TimerId next_id_ = 1;
  std::map<std::pair<MonoTime, TimerId>, std::move_only_function<void()>> timers_;
  std::unordered_map<TimerId, MonoTime> due_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

Task<bool> Clock::Sleep(Duration duration, CancelToken stop) {
  if (stop.Requested()) co_return false;
  Oneshot<bool> done;
  TimerId timer = After(duration, [sender = done.sender()]() mutable { sender.Set(true); });
  CancelToken::Subscription subscription = stop.OnCancel([sender = done.sender()]() mutable { sender.Set(false); });
  bool elapsed = co_await done.Wait();
  if (!elapsed) Cancel(timer);
  co_return elapsed;
}

std::unique_ptr<Clock> NewSystemClock() {
  return std::make_unique<SystemClock>();
}

WallTime ManualClock::Now() const {
  std::lock_guard lock(mutex_);
  return WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1).time_since_epoch() + elapsed_);
}

MonoTime ManualClock::Monotonic() const {
  std::lock_guard lock(mutex_);
  return MonoTime(elapsed_);
}

Clock::TimerId ManualClock::After(Duration delay, std::move_only_function<void()> callback) {
  std::lock_guard lock(mutex_);
  TimerId id = next_id_++;
  timers_.emplace(std::pair(SaturatedSum(elapsed_, delay), id), std::move(callback));
  return id;
}

bool ManualClock::Cancel(TimerId id) {
  std::lock_guard lock(mutex_);
  return std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; }) > 0;
}

void ManualClock::Advance(Duration duration) {
  std::unique_lock lock(mutex_);
  Duration target = SaturatedSum(elapsed_, duration);
  while (!timers_.empty() && timers_.begin()->first.first <= target) {
    auto node = timers_.extract(timers_.begin());
    elapsed_ = std::max(elapsed_, node.key().first);
    lock.unlock();
    Contain("timer", node.mapped());
    lock.lock();
  }
  elapsed_ = target;
}

std::optional<Duration> ManualClock::UntilNext() const {
  std::lock_guard lock(mutex_);
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first - elapsed_;
}

}  // namespace sampan
