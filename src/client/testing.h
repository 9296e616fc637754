// What the test of a component stands on: a thread, a clock, and an API server in memory.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "async/pool.h"
#include "async/spawn.h"
#include "client/fake.h"
#include "client/informer.h"

namespace sampan::client {

// A fixture for components that watch the API until they are told to stop. The component is a member of the derived
// fixture, made after these, and started by Start.
class ComponentTest : public ::testing::Test {
 protected:
  void TearDown() override {
    stop_.Cancel();
    SyncWait(*pool_, gate_.Close());
    SyncWait(*pool_, informers_.Stop());
  }

  // Runs `component.Run(stop)` until the test ends; it must end well.
  template <class Component>
  void Start(Component& component) {
    Spawn(*pool_, gate_, RunUntilStopped(&component, stop_.token()));
  }

  std::unique_ptr<Executor> pool_ = NewThreadPool("test", 1);
  BlockingPool blocking_{1};
  std::unique_ptr<Clock> clock_ = NewSystemClock();
  std::unique_ptr<Rng> rng_ = NewSeededRng(1);
  FakeClient api_{*clock_, *rng_};
  InformerFactory informers_{api_, *pool_, *clock_, *rng_};

 private:
  template <class Component>
  static Task<void> RunUntilStopped(Component* component, CancelToken stop) {
    auto ended = co_await component->Run(std::move(stop));
    EXPECT_TRUE(ended.has_value());
  }

  CancelSource stop_;
  Gate gate_;
};

}  // namespace sampan::client
