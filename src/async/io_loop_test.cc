#include "async/io_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "async/spawn.h"
#include "async/timer_wheel.h"

namespace sampan {
namespace {

using namespace std::chrono_literals;

// Drives a wheel by hand; the loop only gives the timers a home.
class TimerWheelTest : public testing::Test {
 protected:
  std::unique_ptr<IoLoop::Timer> Timer(std::string name) {
    return std::make_unique<IoLoop::Timer>(loops_.at(0), [this, name] { fired_.push_back(name); });
  }
  void AdvanceTo(Duration time) { wheel_.Advance(start_ + time); }

  IoLoops loops_{1};
  const MonoTime start_{};
  TimerWheel wheel_{start_};
  std::vector<std::string> fired_;
};

TEST_F(TimerWheelTest, FiresLateButNeverEarly) {
  for (Duration delay : {0ms, 1ms, 99ms, 100ms, 101ms, 950ms, 60'000ms, 3'600'000ms}) {
    TimerWheel wheel(start_);
    bool fired = false;
    IoLoop::Timer timer(loops_.at(0), [&fired] { fired = true; });
    wheel.Arm(timer, delay, start_);
    for (Duration now = 0ms; now < delay; now += 50ms) {
      wheel.Advance(start_ + now);
      ASSERT_FALSE(fired) << FormatDuration(delay) << " at " << FormatDuration(now);
    }
    wheel.Advance(start_ + delay + 2 * TimerWheel::kTick);
    EXPECT_TRUE(fired) << FormatDuration(delay);
    EXPECT_FALSE(timer.armed());
  }
}

TEST_F(TimerWheelTest, ArmingAgainMovesAndDisarmingForgets) {
  auto a = Timer("a");
  auto b = Timer("b");
  wheel_.Arm(*a, 1s, start_);
  wheel_.Arm(*b, 1s, start_);
  wheel_.Arm(*a, 5s, start_);
  b->Disarm();
  AdvanceTo(2s);
  EXPECT_TRUE(fired_.empty());
  AdvanceTo(6s);
  EXPECT_EQ(fired_, std::vector<std::string>{"a"});
}

TEST_F(TimerWheelTest, CallbackMayDestroyOthersAndItself) {
  std::unique_ptr<IoLoop::Timer> victim = Timer("victim");
  std::unique_ptr<IoLoop::Timer> killer;
  killer = std::make_unique<IoLoop::Timer>(loops_.at(0), [&] {
    fired_.push_back("killer");
    victim.reset();
    killer.reset();
  });
  wheel_.Arm(*killer, 1s, start_);
  wheel_.Arm(*victim, 1s, start_);
  AdvanceTo(2s);
  EXPECT_EQ(fired_, std::vector<std::string>{"killer"});
}

TEST_F(TimerWheelTest, TellsHowLongToSleep) {
  EXPECT_FALSE(wheel_.UntilNext(start_));
  auto timer = Timer("t");
  wheel_.Arm(*timer, 1s, start_);
  auto sleep = wheel_.UntilNext(start_);
  ASSERT_TRUE(sleep);
  EXPECT_GE(*sleep, 1s);
  EXPECT_LE(*sleep, 1s + 2 * TimerWheel::kTick);
  // A long sleep of the machine is caught up with at once.
  AdvanceTo(10h);
  EXPECT_EQ(fired_.size(), 1U);
  EXPECT_FALSE(wheel_.UntilNext(start_ + 10h));
}

Task<bool> IsOn(IoLoop* loop) {
  bool first = loop->IsCurrent();
  co_await Yield();
  co_return first && loop->IsCurrent();
}

TEST(IoLoop, RunsCoroutinesOnItsOwnThread) {
  IoLoops loops(3, "test");
  for (size_t i = 0; i < loops.size(); ++i) {
    EXPECT_TRUE(SyncWait(loops.at(i), IsOn(&loops.at(i))));
    EXPECT_FALSE(loops.at(i).IsCurrent());
  }
  EXPECT_NE(&loops.Next(), &loops.Next());
}

struct Readable final : IoLoop::Watcher {
  void OnReady(uint32_t events) override {
    if ((events & EPOLLIN) != 0) seen.sender().Set(true);
  }
  Oneshot<bool> seen;
};

Task<bool> WaitReadable(IoLoop* loop, int fd, int other) {
  Readable watcher;
  loop->Watch(fd, watcher);
  EXPECT_EQ(write(other, "x", 1), 1);
  bool seen = co_await watcher.seen.Wait();
  loop->Unwatch(fd, watcher);
  co_return seen;
}

TEST(IoLoop, TellsOfReadiness) {
  IoLoops loops(1);
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
  EXPECT_TRUE(SyncWait(loops.at(0), WaitReadable(&loops.at(0), pair[0], pair[1])));
  close(pair[0]);
  close(pair[1]);
}

Task<bool> TimerFires(IoLoop* loop) {
  Oneshot<bool> fired;
  IoLoop::Timer timer(*loop, [sender = fired.sender()]() mutable { sender.Set(true); });
  timer.Arm(10ms);
  bool done = co_await fired.Wait();
  co_return done;
}

TEST(IoLoop, WakesForTimers) {
  IoLoops loops(1);
  EXPECT_TRUE(SyncWait(loops.at(0), TimerFires(&loops.at(0))));
}

}  // namespace
}  // namespace sampan
