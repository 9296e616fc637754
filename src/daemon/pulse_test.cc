#include "daemon/pulse.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "async/spawn.h"
#include "os/file.h"
#include "os/testing.h"

namespace sampan::daemon {
namespace {

using std::chrono::seconds;

class PulseTest : public testing::Test {
 protected:
  PulseTest() { EXPECT_TRUE(os::WriteFileAtomic(file_, "")); }
  void SetTime(int64_t second) {
    const timespec times[2] = {{.tv_sec = second}, {.tv_sec = second}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file_.c_str(), times, 0), 0);
  }
  int64_t Time() { return os::Stat(file_)->modified_seconds; }

  os::TempDir directory_;
  const std::string file_ = directory_ / "pulse";
};

TEST_F(PulseTest, IsSilentAMinuteAfterTheLastTouch) {
  const MonoTime begin{};
  PulseWatch watch(file_, begin);
  SetTime(1000);
  EXPECT_FALSE(watch.IsSilent(begin + seconds(59)));
  EXPECT_FALSE(watch.IsSilent(begin + seconds(118)));
  EXPECT_TRUE(watch.IsSilent(begin + seconds(119)));
  SetTime(500);  // clocks are set back
  EXPECT_FALSE(watch.IsSilent(begin + seconds(120)));
  ASSERT_TRUE(os::RemoveFile(file_));
  EXPECT_FALSE(watch.IsSilent(begin + seconds(1000)));
}

TEST_F(PulseTest, IsShownAsLongAsAllExecutorsWork) {
  ManualClock clock;
  BlockingPool blocking{2};
  std::unique_ptr<Executor> pool = NewThreadPool("test", 2);
  std::unique_ptr<Executor> strand = NewStrand(*pool);
  CancelSource stop;
  Gate gate;
  SetTime(1000);
  Spawn(*pool, gate, ShowPulse(&clock, &blocking, file_, {pool.get(), strand.get()}, stop.token()));
  while (Time() == 1000 || !clock.UntilNext()) std::this_thread::yield();
  // One that is at a job for ever.
  std::atomic<bool> hangs{true}, begun{false};
  strand->Post([&] {
    begun = true;
    while (hangs) std::this_thread::yield();
  });
  while (!begun) std::this_thread::yield();
  SetTime(1000);
  clock.Advance(seconds(5));
  while (clock.UntilNext()) std::this_thread::yield();
  EXPECT_EQ(Time(), 1000);
  hangs = false;
  while (Time() == 1000) std::this_thread::yield();
  stop.Cancel();
  SyncWait(*pool, gate.Close());
}

}  // namespace
}  // namespace sampan::daemon
