// Where work runs. Every coroutine (async/task.h) belongs to one executor and resumes only there.
#pragma once

#include <coroutine>
#include <functional>
#include <memory>

namespace sampan {

// Post never runs the job inline and never blocks. What escapes a job is logged and counted (base/contain.h). Thread-safe.
class Executor {
 public:
  using Job = std::move_only_function<void()>;
  virtual ~Executor() = default;
  virtual void Post(Job job) = 0;
  // Posts a coroutine's resumption; an executor may do it without allocating.
  virtual void Resume(std::coroutine_handle<> handle) {
    Post([handle] { handle.resume(); });
  }
};

// Runs jobs one at a time and in order on any thread of `base`, which outlives it: the executor of one actor.
std::unique_ptr<Executor> NewStrand(Executor& base);

}  // namespace sampan
