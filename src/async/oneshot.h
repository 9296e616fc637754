// A value handed over once from any thread to one coroutine: the bridge from callbacks to Task.
//   Oneshot<int> done;  library.Start([sender = done.sender()](int n) mutable { sender.Set(n); });  int n = co_await
//   done.Wait();
#pragma once

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "async/task.h"
#include "base/check.h"

namespace sampan {

template <class T>
class Oneshot {
  struct State {
    // 0: neither side was here; 1: a value is set; 2: a waiter is set.
    std::atomic<int> phase{0};
    std::optional<T> value;
    Executor* executor = nullptr;
    std::coroutine_handle<> waiter;
  };

 public:
  // Copyable; exactly one Set among all copies counts, later ones are ignored. Thread-safe.
  class Sender {
   public:
    // True when this call delivered the value.
    bool Set(T value) {
      if (set_->exchange(true)) return false;
      state_->value.emplace(std::move(value));
      int previous = state_->phase.exchange(1, std::memory_order_acq_rel);
      if (previous == 2) state_->executor->Resume(state_->waiter);
      return true;
    }

   private:
    friend class Oneshot;
    explicit Sender(std::shared_ptr<State> state)
        : state_(std::move(state)), set_(std::make_shared<std::atomic<bool>>(false)) {}
    std::shared_ptr<State> state_;
    std::shared_ptr<std::atomic<bool>> set_;
  };

  Oneshot() : state_(std::make_shared<State>()), sender_(state_) {}
  Sender sender() const { return sender_; }

  struct Awaiter {
    std::shared_ptr<State> state;
    bool await_ready() const noexcept { return state->phase.load(std::memory_order_acquire) == 1; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      // Once the phase is published the other side may resume and destroy this frame: only `keep` is safe to touch.
      std::shared_ptr<State> keep = state;
      keep->executor = handle.promise().executor;
      keep->waiter = handle;
      int expected = 0;
      return keep->phase.compare_exchange_strong(expected, 2, std::memory_order_acq_rel);
    }
    T await_resume() { return *std::move(state->value); }
  };
  // Awaited at most once.
  Awaiter Wait() const { return Awaiter{state_}; }

 private:
  std::shared_ptr<State> state_;
  Sender sender_;
};

}  // namespace sampan
