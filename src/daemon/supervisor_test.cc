#include "daemon/supervisor.h"

#include <gtest/gtest.h>

#include "async/pool.h"
#include "async/spawn.h"
#include "daemon/actor_component.h"

namespace sampan::daemon {
namespace {

using Journal = std::vector<std::string>;

Task<Result<void>> Started(Journal* journal, std::string name, Result<void> result) {
  journal->push_back("start " + name);
  co_return result;
}

Task<void> Stopped(Journal* journal, std::string name) {
  journal->push_back("stop " + name);
  co_return;
}

Component Named(Journal& journal, std::string name, Result<void> result = {}) {
  return {name, [&journal, name, result] { return Started(&journal, name, result); },
          [&journal, name] { return Stopped(&journal, name); }};
}

TEST(Supervisor, StartsInOrderAndStopsInReverse) {
  ManualClock clock;
  auto pool = NewThreadPool("test", 1);
  Journal journal;
  Supervisor supervisor(clock);
  supervisor.Add(Named(journal, "store"));
  supervisor.Add(Named(journal, "api"));
  EXPECT_TRUE(SyncWait(*pool, supervisor.Start()));
  SyncWait(*pool, supervisor.Stop());
  EXPECT_EQ(journal, Journal({"start store", "start api", "stop api", "stop store"}));
}

TEST(Supervisor, AFailureStopsWhatWasStartedAndNamesTheComponent) {
  ManualClock clock;
  auto pool = NewThreadPool("test", 1);
  Journal journal;
  Supervisor supervisor(clock);
  supervisor.Add(Named(journal, "store"));
  supervisor.Add(Named(journal, "api", Fail(Error::ServiceUnavailable("port 6443 is taken"))));
  supervisor.Add(Named(journal, "dns"));
  auto started = SyncWait(*pool, supervisor.Start());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message(), "api: port 6443 is taken");
  EXPECT_EQ(journal, Journal({"start store", "start api", "stop store"}));
}

Task<void> ThrowsTwice(int* runs, CancelToken stop) {
  if (++*runs <= 2) throw std::runtime_error("lost");
  Oneshot<bool> stopped;
  CancelToken::Subscription on_stop = stop.OnCancel([sender = stopped.sender()]() mutable { sender.Set(true); });
  co_await stopped.Wait();
}

TEST(ActorComponent, WhatEscapesItHasItStartedAgain) {
  ManualClock clock;
  ManualExecutor executor;
  Gate gate;
  int runs = 0;
  Component component =
      ActorComponent("c", executor, clock, [&runs](CancelToken stop) { return ThrowsTwice(&runs, std::move(stop)); });
  auto start = [](Component* one) -> Task<void> { (void)co_await one->start(); };
  Spawn(executor, gate, start(&component));
  executor.RunAll();
  EXPECT_EQ(runs, 1);
  for (int i = 0; i < 5; ++i) {
    clock.Advance(std::chrono::seconds(2));
    executor.RunAll();
  }
  EXPECT_EQ(runs, 3);
  Spawn(executor, gate, component.stop());
  executor.RunAll();
  EXPECT_EQ(gate.holders(), 0u);
}

}  // namespace
}  // namespace sampan::daemon
