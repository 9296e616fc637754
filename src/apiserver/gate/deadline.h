// A time limit for work that cannot be broken off: whoever waits is released, the work goes on by itself.
#pragma once

#include <memory>
#include <optional>

#include "async/clock.h"
#include "async/gate.h"
#include "async/oneshot.h"
#include "async/spawn.h"

namespace sampan::apiserver {

namespace detail {

template <class T>
struct Released {
  typename Oneshot<std::optional<T>>::Sender done;
  Gate::Holder late;  // held once nobody waits for the work any more
};

template <class T>
sampan::detail::Detached RunReleased(Task<T> task, std::shared_ptr<Released<T>> released) {
  std::optional<T> value;
  {
    // What it owns has gone before whoever waits goes on: the server may end then.
    Task<T> own = std::move(task);
    value.emplace(co_await std::move(own));
  }
  released->done.Set(std::move(value));
}

}  // namespace detail

// What `task` comes to; nothing when `limit` passes first. The task begins at once, on the caller's stack, and owns all that
// it uses: it may run on, then under `late`, and throws nothing.
template <class T>
Task<std::optional<T>> Within(Duration limit, Clock* clock, Gate* late, Task<T> task) {
  Executor& executor = co_await ThisExecutor();
  Oneshot<std::optional<T>> done;
  auto released = std::make_shared<detail::Released<T>>(done.sender());
  sampan::detail::Detached work = detail::RunReleased<T>(std::move(task), released);
  work.handle.promise().executor = &executor;
  work.handle.resume();
  if (done.Wait().await_ready()) co_return co_await done.Wait();
  Clock::TimerId timer = clock->After(limit, [released, late] {
    released->late = late->Enter();
    // A server that stops waits for all its requests.
    if (released->late) released->done.Set(std::nullopt);
  });
  std::optional<T> value = co_await done.Wait();
  clock->Cancel(timer);
  co_return value;
}

}  // namespace sampan::apiserver
