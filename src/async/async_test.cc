#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <thread>

#include "async/cancel.h"
#include "async/channel.h"
#include "async/clock.h"
#include "async/contain.h"
#include "async/pool.h"
#include "async/restart.h"
#include "async/spawn.h"
#include "base/error.h"
#include "base/saturate.h"

namespace sampan {
namespace {

using namespace std::chrono_literals;

Task<int> Double(int value) {
  co_return value * 2;
}

Task<Result<int>> FailsWhenNegative(int value) {
  if (value < 0) co_return Fail(Error::BadRequest("negative: {}", value));
  co_return value;
}

Task<Result<int>> AddsDoubled(int value) {
  CO_TRY(int checked, co_await FailsWhenNegative(value));
  int doubled = co_await Double(checked);
  co_return checked + doubled;
}

TEST(Task, ValuesAndErrorsPassThrough) {
  auto pool = NewThreadPool("test", 2);
  EXPECT_EQ(SyncWait(*pool, AddsDoubled(7)).value(), 21);
  auto failed = SyncWait(*pool, AddsDoubled(-1));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "negative: -1");
}

Task<bool> StaysOnItsExecutor(Executor* other, BlockingPool* blocking) {
  Executor& mine = co_await ThisExecutor();
  int there = co_await RunOn(*other, Double(4));
  Executor& after_call = co_await ThisExecutor();
  std::thread::id blocked = co_await blocking->Run([] { return std::this_thread::get_id(); });
  Executor& after_blocking = co_await ThisExecutor();
  co_return there == 8 && &mine == &after_call && &mine == &after_blocking&& blocked != std::this_thread::get_id();
}

Task<void> NoteThread(BlockingPool* pool, std::thread::id* worker) {
  *worker = co_await pool->Run([] { return std::this_thread::get_id(); });
}

Task<int> Throws(std::string what) {
  co_await Yield();
  throw std::runtime_error(what);
}

Task<Result<int>> ThrowsInsteadOfAResult() {
  int value = co_await Throws("deep");
  co_return value;
}

Task<std::string> CatchesFrom(Executor* other, BlockingPool* blocking) {
  std::string caught;
  try {
    co_await RunOn(*other, Throws("there"));
  } catch (const std::runtime_error& error) {
    caught += error.what();
  }
  try {
    co_await blocking->Run([]() -> int { throw std::runtime_error(" blocking"); });
  } catch (const std::runtime_error& error) {
    caught += error.what();
  }
  std::vector<Task<int>> tasks;
  tasks.push_back(Double(1));
  tasks.push_back(Throws(" all"));
  try {
    co_await WhenAll(std::move(tasks));
  } catch (const std::runtime_error& error) {
    caught += error.what();
  }
  co_return caught;
}

TEST(Task, WhatIsThrownReachesTheAwaiterWhereverItRan) {
  auto pool = NewThreadPool("test", 2);
  auto other = NewStrand(*pool);
  BlockingPool blocking(1);
  EXPECT_EQ(SyncWait(*pool, CatchesFrom(other.get(), &blocking)), "there blocking all");
  EXPECT_THROW(SyncWait(*pool, Throws("out")), std::runtime_error);
}

TEST(Contained, MakesAnErrorOfWhatEscapes) {
  auto pool = NewThreadPool("test", 1);
  uint64_t before = EscapeCounts()["unit of a test"];
  auto failed = SyncWait(*pool, Contained("unit of a test", ThrowsInsteadOfAResult()));
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().Is(Reason::kInternalError));
  EXPECT_EQ(failed.error().message().find("deep"), std::string::npos) << "details are for the log";
  EXPECT_EQ(EscapeCounts()["unit of a test"], before + 1);
}

Task<void> ThrowsAlone() {
  co_await Throws("alone");
}

TEST(Spawn, WhatEscapesEndsOnlyThatTask) {
  ManualExecutor executor;
  Gate gate;
  Spawn(executor, gate, ThrowsAlone());
  executor.RunAll();
  EXPECT_EQ(gate.holders(), 0u);
  auto pool = NewThreadPool("test", 1);
  auto strand = NewStrand(*pool);
  strand->Post([] { throw std::bad_alloc(); });
  EXPECT_EQ(SyncWait(*strand, Double(2)), 4) << "an actor outlives what one of its jobs throws";
}

TEST(BlockingPool, OfNoThreadsWorksOnItsCallers) {
  BlockingPool pool(0);
  ManualExecutor executor;
  Gate gate;
  std::thread::id worker;
  Spawn(executor, gate, NoteThread(&pool, &worker));
  executor.RunAll();
  EXPECT_EQ(worker, std::this_thread::get_id());
}

// Whoever posted the job has let go of the pool by the time that the job runs; ThreadSanitizer judges.
TEST(ThreadPool, MayEndAsSoonAsItsLastJobRan) {
  for (int round = 0; round < 200; ++round) {
    std::unique_ptr<Executor> pool = NewThreadPool("test", 1);
    std::promise<void> ran;
    std::jthread poster([&ran, executor = pool.get()] { executor->Post([&ran] { ran.set_value(); }); });
    ran.get_future().wait();
    pool.reset();
  }
}

TEST(Task, ResumesOnItsOwnExecutor) {
  auto pool = NewThreadPool("test", 2);
  auto strand = NewStrand(*pool);
  BlockingPool blocking(2);
  EXPECT_TRUE(SyncWait(*strand, StaysOnItsExecutor(pool.get(), &blocking)));
}

Task<void> Increment(int* counter) {
  int seen = *counter;
  co_await Yield();
  *counter = seen + 1;
  co_await Yield();
}

TEST(Strand, RunsJobsOneAtATime) {
  auto pool = NewThreadPool("test", 4);
  auto strand = NewStrand(*pool);
  int counter = 0;
  Oneshot<bool> done;
  for (int i = 0; i < 10000; ++i) strand->Post([&counter] { ++counter; });
  auto last = [](int* value) -> Task<int> { co_return *value; };
  EXPECT_EQ(SyncWait(*strand, last(&counter)), 10000);
}

TEST(Gate, CloseWaitsForHolders) {
  ManualExecutor executor;
  Gate gate;
  int counter = 0;
  Spawn(executor, gate, Increment(&counter));
  bool closed = false;
  Gate outer;
  auto close = [](Gate* inner, bool* flag) -> Task<void> {
    co_await inner->Close();
    *flag = true;
  };
  Spawn(executor, outer, close(&gate, &closed));
  EXPECT_TRUE(executor.RunOne());
  EXPECT_FALSE(closed);
  executor.RunAll();
  EXPECT_TRUE(closed);
  EXPECT_EQ(counter, 1);
  Spawn(executor, gate, Increment(&counter));
  executor.RunAll();
  EXPECT_EQ(counter, 1) << "a closed gate starts nothing";
}

TEST(Clock, SleepEndsByTimeOrByCancel) {
  ManualExecutor executor;
  ManualClock clock;
  Gate gate;
  CancelSource stop;
  std::vector<bool> results;
  auto sleep = [](ManualClock* c, Duration d, CancelToken token, std::vector<bool>* out) -> Task<void> {
    bool elapsed = co_await c->Sleep(d, token);
    out->push_back(elapsed);
  };
  Spawn(executor, gate, sleep(&clock, 10s, stop.token(), &results));
  Spawn(executor, gate, sleep(&clock, 20s, stop.token(), &results));
  executor.RunAll();
  clock.Advance(10s);
  executor.RunAll();
  EXPECT_EQ(results, std::vector<bool>({true}));
  stop.Cancel();
  executor.RunAll();
  EXPECT_EQ(results, std::vector<bool>({true, false}));
  EXPECT_EQ(clock.UntilNext(), std::nullopt);
}

Task<int> Sum(Channel<int>* channel) {
  int sum = 0;
  while (true) {
    std::optional<int> item = co_await channel->Pop();
    if (!item) co_return sum;
    sum += *item;
  }
}

TEST(Channel, DeliversAllThenEnds) {
  auto pool = NewThreadPool("test", 2);
  Channel<int> channel(1000);
  std::thread producer([&channel] {
    for (int i = 1; i <= 1000; ++i) {
      while (!channel.TryPush(i)) std::this_thread::yield();
    }
    channel.Close();
  });
  EXPECT_EQ(SyncWait(*pool, Sum(&channel)), 500500);
  producer.join();
}

TEST(WhenAll, KeepsOrder) {
  auto pool = NewThreadPool("test", 2);
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(Double(i));
  EXPECT_EQ(SyncWait(*pool, WhenAll(std::move(tasks))), std::vector<int>({0, 2, 4, 6, 8}));
}

TEST(FramePool, FramesOfEverySizeMayBeFreedAnywhere) {
  constexpr size_t kSizes[] = {1, 63, 64, 65, 1000, 4096, 4097, 100'000};
  constexpr size_t kAlignments[] = {16, 64, 8};
  for (int round = 0; round < 200; ++round) {
    const auto alignment = static_cast<std::align_val_t>(kAlignments[round % std::size(kAlignments)]);
    std::vector<std::pair<void*, size_t>> frames;
    for (size_t size : kSizes) {
      frames.emplace_back(detail::AllocateFrame(size, alignment), size);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(frames.back().first) % static_cast<size_t>(alignment), 0U);
      std::memset(frames.back().first, round, size);
    }
    auto free = [&frames, alignment](unsigned char expected) {
      for (auto [frame, size] : frames) {
        EXPECT_EQ(static_cast<unsigned char*>(frame)[size - 1], expected);
        detail::FreeFrame(frame, size, alignment);
      }
    };
    const auto expected = static_cast<unsigned char>(round);
    if (round % 4 == 0) {
      std::thread(free, expected).join();
    } else {
      free(expected);
    }
  }
}

TEST(Clock, WhatATimerThrowsStopsNoOtherTimer) {
  auto clock = NewSystemClock();
  Oneshot<bool> rang;
  clock->After(Duration(0), [] { throw std::bad_alloc(); });
  clock->After(1ms, [sender = rang.sender()]() mutable { sender.Set(true); });
  auto wait = [](Oneshot<bool>* done) -> Task<bool> {
    bool value = co_await done->Wait();
    co_return value;
  };
  auto pool = NewThreadPool("test", 1);
  EXPECT_TRUE(SyncWait(*pool, wait(&rang)));
}

TEST(Clock, WaitsThatNeverEndAreLegal) {
  auto clock = NewSystemClock();
  ManualClock manual;
  manual.Advance(1h);
  for (Duration delay : {Duration::max(), SaturatedSeconds(INT64_MAX)}) {
    EXPECT_TRUE(clock->Cancel(clock->After(delay, [] { ADD_FAILURE(); })));
    EXPECT_TRUE(manual.Cancel(manual.After(delay, [] { ADD_FAILURE(); })));
  }
}

TEST(Saturate, EndsAtTheLimits) {
  constexpr MonoTime kEarly{Duration(1)}, kLate{Duration::max()};
  EXPECT_EQ(SaturatedSeconds(5), 5s);
  EXPECT_GT(SaturatedSeconds(INT64_MAX), 9'000'000'000s);
  EXPECT_LT(SaturatedSeconds(INT64_MIN), -9'000'000'000s);
  EXPECT_EQ(SaturatedSum(kEarly, 5s), MonoTime(5s + Duration(1)));
  EXPECT_EQ(SaturatedSum(kLate, 5s), kLate);
  EXPECT_EQ(SaturatedSum(MonoTime::min(), -5s), MonoTime::min());
  EXPECT_EQ(SaturatedDifference(kLate, MonoTime::min()), Duration::max());
  EXPECT_EQ(SaturatedDifference(MonoTime::min(), kLate), Duration::min());
  EXPECT_EQ(SaturatedDifference(MonoTime(7s), MonoTime(5s)), 2s);
}

TEST(Cancel, WhatOneCallbackThrowsReachesNoOther) {
  CancelSource source;
  int called = 0;
  auto first = source.token().OnCancel([] { throw std::runtime_error("first"); });
  auto second = source.token().OnCancel([&called] { ++called; });
  source.Cancel();
  EXPECT_EQ(called, 1);
}

Task<void> Note(std::string* log, std::string text) {
  *log += text;
  co_return;
}

TEST(Finally, CleansUpHoweverTheWorkEnded) {
  auto pool = NewThreadPool("test", 1);
  std::string log;
  SyncWait(*pool, Finally(Note(&log, "work "), Note(&log, "clean ")));
  EXPECT_THROW(SyncWait(*pool, Finally(ThrowsAlone(), Note(&log, "clean"))), std::runtime_error);
  EXPECT_EQ(log, "work clean clean");
}

TEST(RunRestarting, BeginsAgainUntilTheWorkEndsByItself) {
  ManualExecutor executor;
  ManualClock clock;
  Gate gate;
  int starts = 0;
  std::string log;
  auto start = [&](CancelToken) { return ++starts < 4 ? ThrowsAlone() : Note(&log, "ended"); };
  Spawn(executor, gate, RunRestarting("loop of a test", &clock, start, {}));
  std::vector<int> seen;
  for (Duration pause : {Duration(0), Duration(1s), Duration(2s), Duration(4s), Duration(1h)}) {
    clock.Advance(pause);
    executor.RunAll();
    seen.push_back(starts);
  }
  EXPECT_EQ(seen, std::vector<int>({1, 2, 3, 4, 4}));
  EXPECT_EQ(log, "ended");
}

}  // namespace
}  // namespace sampan
