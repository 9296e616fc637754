// Threads. A ThreadPool runs coroutines and must never be blocked; a BlockingPool is where disk, mounts, forks and
// synchronous libraries block.
#pragma once

#include <exception>
#include <expected>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "async/executor.h"
#include "async/oneshot.h"
#include "async/task.h"

namespace sampan {

// An executor of `threads` threads named `name`. The destructor lets running jobs end, drops queued ones and joins.
std::unique_ptr<Executor> NewThreadPool(std::string name, size_t threads);

class BlockingPool {
 public:
  // Threads are made when needed, up to `threads`, and end after idling for a while. 0: the caller does the work, in Run.
  explicit BlockingPool(size_t threads);
  ~BlockingPool();  // waits for what runs and what is queued

  // Runs `work` on a thread that may block; resumes the caller on its own executor, with what it threw as well. Work that
  // captures more than pointers and numbers is a named local: GCC 12 copies such a temporary of a co_await statement byte by
  // byte.
  //   auto read = [path] { return ReadFile(path); };
  //   CO_TRY(std::string text, co_await blocking.Run(std::move(read)));
  template <class F, class T = std::invoke_result_t<F&>>
  Task<T> Run(F work) {
    if constexpr (std::is_void_v<T>) {
      Oneshot<std::exception_ptr> done;
      Submit([sender = done.sender(), work = std::move(work)]() mutable { sender.Set(Escaped(work)); });
      std::exception_ptr escaped = co_await done.Wait();
      if (escaped) std::rethrow_exception(std::move(escaped));
    } else {
      Oneshot<std::expected<T, std::exception_ptr>> done;
      Submit([sender = done.sender(), work = std::move(work)]() mutable { sender.Set(Outcome<T>(work)); });
      std::expected<T, std::exception_ptr> outcome = co_await done.Wait();
      if (!outcome) std::rethrow_exception(std::move(outcome).error());
      co_return *std::move(outcome);
    }
  }

 private:
  template <class F>
  static std::exception_ptr Escaped(F& work) noexcept {
    try {
      work();
      return nullptr;
    } catch (...) {
      return std::current_exception();
    }
  }
  template <class T, class F>
  static std::expected<T, std::exception_ptr> Outcome(F& work) noexcept {
    try {
      return work();
    } catch (...) {
      return std::unexpected(std::current_exception());
    }
  }
  void Submit(Executor::Job job);
  struct State;
  std::shared_ptr<State> state_;
};

// Runs everything on the calling thread, in order, when told: the executor of simulations and unit tests.
class ManualExecutor final : public Executor {
 public:
  ManualExecutor();
  ~ManualExecutor() override;
  void Post(Job job) override;
  bool RunOne();    // false when nothing waits
  size_t RunAll();  // until nothing waits; how many ran

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sampan
