// Ways to start a Task: in the background under a gate, on another executor, several at once, or blocking (tests, main).
#pragma once

#include <condition_variable>
#include <exception>
#include <expected>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "async/gate.h"
#include "async/oneshot.h"
#include "async/task.h"
#include "base/contain.h"

namespace sampan {

namespace detail {

// A coroutine that nobody awaits: it owns itself and dies at its end. What escapes it is contained here at the latest.
struct Detached {
  struct promise_type : PooledFrame {
    Executor* executor = nullptr;
    Detached get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() noexcept { (void)ReportEscape("task"); }
  };
  std::coroutine_handle<promise_type> handle;
};

inline void Launch(Executor& executor, Detached detached) {
  detached.handle.promise().executor = &executor;
  executor.Resume(detached.handle);
}

inline Detached RunGated(Gate::Holder holder, Task<void> task) {
  co_await std::move(task);
}

// What a task ended with on its way to another executor.
template <class T>
using Outcome = std::expected<T, std::exception_ptr>;

template <class T>
T ValueOf(Outcome<T> outcome) {
  if (!outcome) [[unlikely]]
    std::rethrow_exception(std::move(outcome).error());
  return *std::move(outcome);
}

template <class T>
Task<Outcome<T>> OutcomeOf(Task<T> task) {
  try {
    T value = co_await std::move(task);
    co_return Outcome<T>(std::move(value));
  } catch (...) {
    co_return Outcome<T>(std::unexpect, std::current_exception());
  }
}

template <class T>
Detached RunInto(Task<T> task, typename Oneshot<Outcome<T>>::Sender sender) {
  Outcome<T> outcome = co_await OutcomeOf<T>(std::move(task));
  sender.Set(std::move(outcome));
}

inline Task<bool> Truthy(Task<void> task) {
  co_await std::move(task);
  co_return true;
}

}  // namespace detail

// Starts `task` on `executor` under `gate`. Dropped unstarted when the gate is closed already. An exception that escapes it
// ends it, logged and counted: a loop that must go on contains each of its rounds.
inline void Spawn(Executor& executor, Gate& gate, Task<void> task) {
  Gate::Holder holder = gate.Enter();
  if (!holder) return;
  detail::Launch(executor, detail::RunGated(std::move(holder), std::move(task)));
}

// Runs `task` on `executor`, resumes the caller on its own: how one actor calls another.
//   Task<PodPhase> PodWorkers::Phase(Uid uid) { return RunOn(strand(), DoPhase(uid)); }
template <class T>
Task<T> RunOn(Executor& executor, Task<T> task) {
  Oneshot<detail::Outcome<T>> done;
  detail::Launch(executor, detail::RunInto<T>(std::move(task), done.sender()));
  detail::Outcome<T> outcome = co_await done.Wait();
  co_return detail::ValueOf(std::move(outcome));
}
inline Task<void> RunOn(Executor& executor, Task<void> task) {
  co_await RunOn(executor, detail::Truthy(std::move(task)));
}

// Starts all on the caller's executor and waits for all; results in the order of the tasks. The first exception is passed
// on when all have ended.
template <class T>
Task<std::vector<T>> WhenAll(std::vector<Task<T>> tasks) {
  Executor& executor = co_await ThisExecutor();
  std::vector<Oneshot<detail::Outcome<T>>> done(tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    detail::Launch(executor, detail::RunInto<T>(std::move(tasks[i]), done[i].sender()));
  }
  std::vector<detail::Outcome<T>> outcomes;
  outcomes.reserve(done.size());
  for (Oneshot<detail::Outcome<T>>& one : done) {
    detail::Outcome<T> outcome = co_await one.Wait();
    outcomes.push_back(std::move(outcome));
  }
  std::vector<T> values;
  values.reserve(outcomes.size());
  for (detail::Outcome<T>& outcome : outcomes) values.push_back(detail::ValueOf(std::move(outcome)));
  co_return values;
}
inline Task<void> WhenAll(std::vector<Task<void>> tasks) {
  std::vector<Task<bool>> wrapped;
  wrapped.reserve(tasks.size());
  for (Task<void>& task : tasks) wrapped.push_back(detail::Truthy(std::move(task)));
  co_await WhenAll(std::move(wrapped));
}

// Blocks this thread until `task` has run on `executor`, which must be run by another thread.
template <class T>
T SyncWait(Executor& executor, Task<T> task) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<detail::Outcome<T>> result;
  auto run = [](Task<T> inner, std::mutex* m, std::condition_variable* c,
                std::optional<detail::Outcome<T>>* out) -> detail::Detached {
    detail::Outcome<T> outcome = co_await detail::OutcomeOf<T>(std::move(inner));
    std::lock_guard lock(*m);
    out->emplace(std::move(outcome));
    c->notify_all();
  };
  detail::Launch(executor, run(std::move(task), &mutex, &changed, &result));
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return result.has_value(); });
  return detail::ValueOf(*std::move(result));
}
inline void SyncWait(Executor& executor, Task<void> task) {
  SyncWait(executor, detail::Truthy(std::move(task)));
}

}  // namespace sampan
