// Task<T>: a lazily started coroutine that yields one T. It starts when awaited and runs on its awaiter's executor;
// whatever it awaits, it resumes there, so code between two co_awaits of an actor needs no lock.
//
//   Task<Result<int>> Count(Store* store) { CO_TRY(auto range, co_await store->Range(...)); co_return range.size(); }
//
// What a task throws, its awaiter catches: an exception passes up to the unit of work's boundary (async/contain.h).
// Rules: parameters by value, no capturing lambdas as coroutines (their captures die first), `co_await` as its own
// statement. A coroutine is started by co_await, by Spawn (async/spawn.h) or, in tests and main, by SyncWait.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "async/executor.h"
#include "async/frame_pool.h"

namespace sampan {

template <class T>
class Task;

namespace detail {

struct PromiseBase : PooledFrame {
  Executor* executor = nullptr;
  std::coroutine_handle<> continuation;

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      std::coroutine_handle<> next = handle.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { escaped = std::current_exception(); }
  void Rethrow() {
    if (escaped) [[unlikely]]
      std::rethrow_exception(std::move(escaped));
  }

  std::exception_ptr escaped;
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T Take() {
    Rethrow();
    return *std::move(value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void Take() { Rethrow(); }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using value_type = T;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    std::coroutine_handle<promise_type> handle;
    bool await_ready() const noexcept { return false; }
    template <class Parent>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Parent> parent) noexcept {
      handle.promise().executor = parent.promise().executor;
      handle.promise().continuation = parent;
      return handle;
    }
    T await_resume() { return handle.promise().Take(); }
  };
  Awaiter operator co_await() && noexcept { return Awaiter{handle_}; }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// co_await ThisExecutor() yields the executor the coroutine runs on.
struct ThisExecutor {
  Executor* executor = nullptr;
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
    executor = handle.promise().executor;
    return false;
  }
  Executor& await_resume() const noexcept { return *executor; }
};

// co_await Yield() lets the executor's other jobs run.
struct Yield {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> handle) {
    handle.promise().executor->Resume(handle);
  }
  void await_resume() const noexcept {}
};

}  // namespace sampan
