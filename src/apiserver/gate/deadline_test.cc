#include "apiserver/gate/deadline.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {
namespace {

// Resumes at once: what is to happen before a coroutine goes on has happened, or it is seen missing.
class Inline final : public Executor {
 public:
  void Post(Job job) override { job(); }
};

Task<int> Own(std::shared_ptr<int> owned, Oneshot<bool>* go) {
  co_await go->Wait();
  co_return *owned;
}

struct Seen {
  std::weak_ptr<int> owned;
  std::optional<int> value;
  bool gone = false;
};

Task<void> Ask(Clock* clock, Gate* late, Oneshot<bool>* go, Seen* seen) {
  auto owned = std::make_shared<int>(7);
  seen->owned = owned;
  seen->value = co_await Within(std::chrono::minutes(1), clock, late, Own(std::move(owned), go));
  seen->gone = seen->owned.expired();
}

// A request owns its place among those of a server that may end as soon as its last request is answered.
TEST(Within, WhatTheTaskOwnsHasGoneBeforeItsCallerGoesOn) {
  Inline executor;
  ManualClock clock;
  Gate gate, late;
  Oneshot<bool> go;
  Seen seen;
  Spawn(executor, gate, Ask(&clock, &late, &go, &seen));
  ASSERT_FALSE(seen.value);
  go.sender().Set(true);
  EXPECT_EQ(seen.value, 7);
  EXPECT_TRUE(seen.gone);
}

TEST(Within, ReleasesItsCallerAfterTheLimitAndOwnsOn) {
  Inline executor;
  ManualClock clock;
  Gate gate, late;
  Oneshot<bool> go;
  Seen seen;
  Spawn(executor, gate, Ask(&clock, &late, &go, &seen));
  clock.Advance(std::chrono::minutes(2));
  EXPECT_FALSE(seen.value);
  EXPECT_FALSE(seen.gone);
  EXPECT_EQ(late.holders(), 1U);
  go.sender().Set(true);
  EXPECT_TRUE(seen.owned.expired());
  EXPECT_EQ(late.holders(), 0U);
}

}  // namespace
}  // namespace sampan::apiserver
