// A bounded queue from any threads to coroutines.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "async/oneshot.h"

namespace sampan {

// Thread-safe. One coroutine receives at a time.
template <class T>
class Channel {
 public:
  explicit Channel(size_t capacity) : capacity_(capacity) {}

  // False when the channel is full or closed; the value is then dropped.
  bool TryPush(T value) {
    std::optional<typename Oneshot<bool>::Sender> wake;
    {
      std::lock_guard lock(mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(value));
      wake = std::exchange(waiter_, std::nullopt);
    }
    if (wake) wake->Set(true);
    return true;
  }

  // The next item; nothing once the channel is closed and drained.
  Task<std::optional<T>> Pop() {
    while (true) {
      Oneshot<bool> ready;
      {
        std::lock_guard lock(mutex_);
        if (!items_.empty()) {
          std::optional<T> item(std::move(items_.front()));
          items_.pop_front();
          co_return item;
        }
        if (closed_) co_return std::nullopt;
        waiter_ = ready.sender();
      }
      co_await ready.Wait();
    }
  }

  // What is there now, without waiting.
  std::optional<T> TryPop() {
    std::lock_guard lock(mutex_);
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

  void Close() {
    std::optional<typename Oneshot<bool>::Sender> wake;
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      wake = std::exchange(waiter_, std::nullopt);
    }
    if (wake) wake->Set(true);
  }

  size_t size() const {
    std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<T> items_;
  std::optional<typename Oneshot<bool>::Sender> waiter_;
  bool closed_ = false;
};

}  // namespace sampan
