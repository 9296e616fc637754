// Gives the memory that a burst has freed back to the kernel, which the C library would keep for ever.
#pragma once

#include <cstdint>

#include "async/cancel.h"
#include "async/clock.h"
#include "async/pool.h"
#include "async/task.h"

namespace sampan::daemon {

// Of the whole process.
struct ProcessUse {
  uint64_t resident_bytes = 0;
  Duration processor_time{0};
};

// Whether trimming is worth it: the process rests, and has grown since it was trimmed last.
bool WorthTrimming(const ProcessUse& before, const ProcessUse& now, Duration between, uint64_t resident_after_last);

// Looks every ten seconds, until `stop`. A trim takes each heap's lock for a few milliseconds.
Task<void> TrimHeaps(Clock* clock, BlockingPool* blocking, CancelToken stop);

}  // namespace sampan::daemon
