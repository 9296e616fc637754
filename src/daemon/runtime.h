// What every component is given: the world, in one place.
#pragma once

#include <memory>
#include <thread>

#include "async/clock.h"
#include "async/io_loop.h"
#include "async/pool.h"
#include "base/rng.h"

namespace sampan::daemon {

// Destroyed last: nothing that uses it may still run.
struct Runtime {
  std::unique_ptr<Rng> rng = NewSystemRng();
  std::unique_ptr<Clock> clock = NewSystemClock();
  // Components compute here; connections have threads of their own so that neither waits for the other.
  std::unique_ptr<Executor> pool = NewThreadPool("components", std::max(2u, std::thread::hardware_concurrency()));
  BlockingPool blocking{64};
  IoLoops loops;
};

}  // namespace sampan::daemon
