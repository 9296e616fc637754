// For what has to run as long as its owner does: a component, a controller, a background loop.
#pragma once

#include <functional>
#include <string_view>

#include "async/cancel.h"
#include "async/clock.h"
#include "async/task.h"

namespace sampan {

// Runs `start(stop)` until it ends by itself. When something escapes it (logged and counted as `unit`, a literal), it is
// started again: after a second, twice as long each time up to a minute, until `stop`. Nothing that an attempt started may
// outlive it, however it ends.
Task<void> RunRestarting(std::string_view unit, Clock* clock, std::function<Task<void>(CancelToken stop)> start,
                         CancelToken stop);

}  // namespace sampan
