#include "client/work_queue.h"

#include <gtest/gtest.h>

#include "async/pool.h"
#include "async/spawn.h"
#include "client/expectations.h"

namespace sampan::client {
namespace {

using namespace std::chrono_literals;

struct Harness {
  ManualClock clock;
  ManualExecutor executor;
  WorkQueue queue{clock};
  Gate gate;
  std::vector<std::string> taken;

  static Task<void> TakeOne(WorkQueue* queue, std::vector<std::string>* taken) {
    std::optional<std::string> key = co_await queue->Next();
    taken->push_back(key ? *key : "closed");
  }
  // What Next() has handed out since the last call.
  std::vector<std::string> Take(int count) {
    for (int i = 0; i < count; ++i) Spawn(executor, gate, TakeOne(&queue, &taken));
    return Settle();
  }
  std::vector<std::string> Settle() {
    executor.RunAll();
    return std::exchange(taken, {});
  }
  ~Harness() {
    queue.Close();
    executor.RunAll();
  }
};

using Keys = std::vector<std::string>;

TEST(WorkQueue, HandsOutEachKeyOnceInOrder) {
  Harness h;
  for (const char* key : {"a", "b", "a", "c", "b"}) h.queue.Add(key);
  EXPECT_EQ(h.queue.size(), 3u);
  EXPECT_EQ(h.Take(3), (Keys{"a", "b", "c"}));
}

TEST(WorkQueue, KeyAddedWhileProcessedComesAgainAfterDone) {
  Harness h;
  h.queue.Add("a");
  EXPECT_EQ(h.Take(1), Keys{"a"});
  h.queue.Add("a");
  h.queue.Add("a");
  EXPECT_EQ(h.Take(1), Keys{});
  h.queue.Done("a");
  EXPECT_EQ(h.Settle(), Keys{"a"});
  h.queue.Done("a");
  EXPECT_TRUE(h.queue.idle());
}

TEST(WorkQueue, WakesOneWaiterAKey) {
  Harness h;
  EXPECT_EQ(h.Take(3), Keys{});
  h.queue.Add("a");
  EXPECT_EQ(h.Settle(), Keys{"a"});
  h.queue.Add("b");
  h.queue.Add("c");
  EXPECT_EQ(h.Settle(), (Keys{"b", "c"}));
}

TEST(WorkQueue, DelaysAndTakesTheEarliestOfSeveralWaits) {
  Harness h;
  h.queue.AddAfter("a", 10s);
  h.queue.AddAfter("b", 5s);
  h.queue.AddAfter("a", 2s);
  h.queue.AddAfter("a", 20s);
  EXPECT_EQ(h.Take(2), Keys{});
  h.clock.Advance(2s);
  EXPECT_EQ(h.Settle(), Keys{"a"});
  h.queue.Done("a");
  h.clock.Advance(1min);
  EXPECT_EQ(h.Settle(), Keys{"b"});
  EXPECT_EQ(h.queue.size(), 0u);
}

TEST(WorkQueue, RetriesBackOffExponentiallyUpToTheLimit) {
  Harness h;
  auto delay_of_next = [&h] {
    h.queue.AddRateLimited("a");
    Duration waited = h.clock.UntilNext().value_or(0s);
    h.clock.Advance(waited);
    EXPECT_EQ(h.Take(1), Keys{"a"});
    h.queue.Done("a");
    return waited;
  };
  EXPECT_EQ(delay_of_next(), 5ms);
  EXPECT_EQ(delay_of_next(), 10ms);
  EXPECT_EQ(delay_of_next(), 20ms);
  EXPECT_EQ(h.queue.Retries("a"), 3);
  for (int i = 0; i < 30; ++i) delay_of_next();
  EXPECT_EQ(delay_of_next(), 16min);
  h.queue.Forget("a");
  EXPECT_EQ(delay_of_next(), 5ms);
}

TEST(WorkQueue, CloseEndsWaitsAndDropsWhatIsQueued) {
  Harness h;
  EXPECT_EQ(h.Take(2), Keys{});
  h.queue.Close();
  EXPECT_EQ(h.Settle(), (Keys{"closed", "closed"}));
  h.queue.Add("a");
  EXPECT_EQ(h.Take(1), Keys{"closed"});
}

TEST(Expectations, HoldBackUntilAllIsSeenOrTimeIsOver) {
  Expectations expectations;
  MonoTime now{};
  EXPECT_TRUE(expectations.Satisfied("a", now));
  expectations.ExpectCreations("a", 2, now);
  EXPECT_FALSE(expectations.Satisfied("a", now));
  EXPECT_TRUE(expectations.Satisfied("b", now));
  expectations.CreationObserved("a");
  EXPECT_FALSE(expectations.Satisfied("a", now));
  expectations.CreationObserved("a");
  expectations.CreationObserved("a");
  EXPECT_TRUE(expectations.Satisfied("a", now));

  expectations.ExpectDeletions("a", {"u1", "u2"}, now);
  expectations.DeletionObserved("a", "u3");
  expectations.DeletionObserved("a", "u1");
  EXPECT_FALSE(expectations.Satisfied("a", now));
  EXPECT_TRUE(expectations.Satisfied("a", now + 5min + 1s));
  expectations.Forget("a");
  EXPECT_TRUE(expectations.Satisfied("a", now));
}

}  // namespace
}  // namespace sampan::client
