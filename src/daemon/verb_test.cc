#include "daemon/verb.h"

#include <gtest/gtest.h>

#include <csignal>

#include "async/oneshot.h"
#include "daemon/process.h"

namespace sampan::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Task<Result<void>> Fine() {
  co_return Result<void>();
}
Task<void> Ended() {
  co_return;
}
// What waits for a store that does not come back.
Task<void> Never() {
  co_await Oneshot<bool>().Wait();
}
Task<Result<void>> NeverStarted() {
  co_await Never();
  co_return Result<void>();
}

// As the program does it, in a process that has no threads yet.
void Serve(Component component, Duration stop_within) {
  PrepareSignals();
  kill(getpid(), SIGTERM);
  Runtime runtime;
  Supervisor supervisor(*runtime.clock);
  supervisor.Add(std::move(component));
  const bool served = ServeUntilSignal(runtime, supervisor, stop_within).has_value();
  _exit(served ? 0 : kExitFailure);
}

class ServeUntilSignalDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ServeUntilSignalDeathTest, StopsWhatHasStarted) {
  EXPECT_EXIT(Serve({"fine", Fine, Ended}, seconds(60)), testing::ExitedWithCode(0), "");
}

TEST_F(ServeUntilSignalDeathTest, EndsAProcessThatStillStarts) {
  EXPECT_EXIT(Serve({"cache", NeverStarted, Ended}, milliseconds(50)), testing::ExitedWithCode(kExitFailure),
              "not stopped within");
}

TEST_F(ServeUntilSignalDeathTest, EndsAProcessThatDoesNotStop) {
  EXPECT_EXIT(Serve({"cache", Fine, Never}, milliseconds(50)), testing::ExitedWithCode(kExitFailure), "not stopped within");
}

TEST_F(ServeUntilSignalDeathTest, WhatDoesNotStartNeedsNoSignal) {
  auto refused = [] {
    PrepareSignals();
    Runtime runtime;
    Supervisor supervisor(*runtime.clock);
    supervisor.Add({"store", []() -> Task<Result<void>> { co_return Fail(Error::InternalError("no disk")); }, Ended});
    auto served = ServeUntilSignal(runtime, supervisor, seconds(60));
    _exit(!served && served.error().message().contains("no disk") ? 0 : kExitFailure);
  };
  EXPECT_EXIT(refused(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sampan::daemon
