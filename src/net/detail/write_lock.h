// Lets several coroutines, of any executors, write to one stream one after the other.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "async/oneshot.h"

namespace sampan::net::detail {

// Thread-safe, first come first served. Outlives its holders.
class WriteLock {
 public:
  class Holder {
   public:
    Holder() = default;
    explicit Holder(WriteLock* lock) : lock_(lock) {}
    Holder(Holder&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
    Holder& operator=(Holder&& other) noexcept {
      std::swap(lock_, other.lock_);
      return *this;
    }
    ~Holder() {
      if (lock_ != nullptr) lock_->Release();
    }

   private:
    WriteLock* lock_ = nullptr;
  };

  Task<Holder> Acquire() {
    Oneshot<bool> turn;
    {
      std::lock_guard guard(mutex_);
      if (!held_) {
        held_ = true;
        co_return Holder(this);
      }
      waiting_.push_back(turn.sender());
    }
    co_await turn.Wait();
    co_return Holder(this);
  }

 private:
  void Release() {
    std::optional<Oneshot<bool>::Sender> next;
    {
      std::lock_guard guard(mutex_);
      if (waiting_.empty()) {
        held_ = false;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    next->Set(true);
  }

  std::mutex mutex_;
  bool held_ = false;
  std::deque<Oneshot<bool>::Sender> waiting_;
};

}  // namespace sampan::net::detail
