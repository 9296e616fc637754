// base/contain.h for tasks: what escapes a contained task ends it and nothing else.
#pragma once

#include <exception>
#include <string_view>
#include <utility>

#include "async/task.h"
#include "base/contain.h"

namespace sampan {

// `unit` names the kind of work and outlives the task (a literal). What escapes `task` becomes an InternalError.
template <class T>
Task<Result<T>> Contained(std::string_view unit, Task<Result<T>> task) {
  try {
    Result<T> result = co_await std::move(task);
    co_return result;
  } catch (...) {
    co_return Fail(ReportEscape(unit));
  }
}

// False when something escaped.
inline Task<bool> Contained(std::string_view unit, Task<void> task) {
  try {
    co_await std::move(task);
    co_return true;
  } catch (...) {
    (void)ReportEscape(unit);
    co_return false;
  }
}

// Awaits `work`, then `cleanup`, however the work ended; then passes on what escaped the work. For owners that have to wait
// for what they started.
inline Task<void> Finally(Task<void> work, Task<void> cleanup) {
  std::exception_ptr escaped;
  try {
    co_await std::move(work);
  } catch (...) {
    escaped = std::current_exception();
  }
  co_await std::move(cleanup);
  if (escaped) std::rethrow_exception(std::move(escaped));
}

}  // namespace sampan
