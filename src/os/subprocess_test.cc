#include "os/subprocess.h"

#include "async/spawn.h"
#include "os/testing.h"

namespace sampan::os {
namespace {

using namespace std::chrono_literals;

TEST(Subprocess, RunGivesInputAndCollectsOutputs) {
  RunResult result = *os::Run({"sh", "-c", "cat; echo oops >&2; exit 3"}, "hello");
  EXPECT_EQ(result.out, "hello");
  EXPECT_EQ(result.err, "oops\n");
  EXPECT_EQ(result.status.code, 3);
}

TEST(Subprocess, LargeInputAndOutputDoNotBlockEachOther) {
  std::string input(4 << 20, 'x');
  EXPECT_EQ(os::Run({"cat"}, input)->out, input);
}

TEST(Subprocess, AChildThatIgnoresItsInputIsFine) {
  EXPECT_EQ(os::Run({"true"}, std::string(4 << 20, 'x'))->status.code, 0);
}

TEST(Subprocess, OutputBeyondTheLimitIsDropped) {
  RunOptions options;
  options.spawn.argv = {"sh", "-c", "yes | head -c 100000"};
  options.max_output = 10;
  EXPECT_EQ(os::Run(options)->out.size(), 10U);
}

TEST(Subprocess, ErrorsOfStartingAreTold) {
  EXPECT_TRUE(os::Run({"no-such-program-anywhere"}).error().Is(Reason::kNotFound));
  EXPECT_TRUE(os::Run({"/no/such/program"}).error().Is(Reason::kNotFound));
  EXPECT_TRUE(os::Run({"/etc/passwd"}).error().Is(Reason::kForbidden));
  RunOptions options;
  options.spawn.argv = {"true"};
  options.spawn.cwd = "/no/such/directory";
  EXPECT_TRUE(os::Run(options).error().Is(Reason::kNotFound));
}

TEST(Subprocess, EnvironmentDirectoryAndGroup) {
  RunOptions options;
  options.spawn.argv = {"sh", "-c", "echo $A $HOME; pwd"};
  options.spawn.env = {"A=b"};
  options.spawn.cwd = "/";
  EXPECT_EQ(os::Run(options)->out, "b\n/\n");
}

TEST(Subprocess, DescriptorsAreNotInherited) {
  Fd leak(::dup(0));
  EXPECT_EQ(os::Run({"sh", "-c", "ls /proc/$$/fd"})->out, "0\n1\n2\n");
}

TEST(Subprocess, TimeoutKillsTheWholeGroup) {
  auto start = std::chrono::steady_clock::now();
  Result<RunResult> result = os::Run({"sh", "-c", "sleep 100 & sleep 100; true"}, {}, 50ms);
  EXPECT_TRUE(result.error().Is(Reason::kTimeout));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST(Subprocess, CancellationKills) {
  CancelSource stop;
  RunOptions options;
  options.spawn.argv = {"sleep", "100"};
  options.stop = stop.token();
  auto executor = NewThreadPool("test", 1);  // outlives the pool, whose threads resume on it
  BlockingPool pool(1);
  std::thread canceller([&] { stop.Cancel(); });
  EXPECT_TRUE(SyncWait(*executor, RunAsync(&pool, options)).error().Is(Reason::kTimeout));
  canceller.join();
}

TEST(Subprocess, SignalsAreReportedAsShellsDo) {
  SpawnOptions options;
  options.argv = {"sleep", "100"};
  Subprocess child = *Subprocess::Spawn(options);
  EXPECT_FALSE(child.Wait(1ms)->has_value());
  EXPECT_OK(child.Kill(SIGTERM));
  EXPECT_EQ((*child.Wait())->code, 128 + SIGTERM);
  EXPECT_EQ((*child.Wait())->signal, SIGTERM);
  EXPECT_OK(child.Kill(SIGTERM));
}

TEST(Subprocess, StopEscalatesToKill) {
  SpawnOptions options;
  options.argv = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"};
  options.out = Stdio::Pipe();
  Subprocess child = *Subprocess::Spawn(options);
  char ready;
  ASSERT_EQ(::read(child.out().get(), &ready, 1), 1);
  auto executor = NewThreadPool("test", 1);  // outlives the pool, whose threads resume on it
  BlockingPool pool(1);
  EXPECT_EQ(SyncWait(*executor, StopAsync(&pool, &child, 20ms))->signal, SIGKILL);
}

TEST(Subprocess, AppendsToFiles) {
  TempDir dir;
  for (int i = 0; i < 2; ++i) {
    SpawnOptions options;
    options.argv = {"sh", "-c", "echo out; echo err >&2"};
    options.out = Stdio::File(dir / "log");
    options.err = Stdio::File(dir / "log");
    Subprocess child = *Subprocess::Spawn(options);
    EXPECT_TRUE((*child.Wait())->ok());
  }
  EXPECT_EQ(*ReadFile(dir / "log", kConfigFileLimit), "out\nerr\nout\nerr\n");
}

TEST(Subprocess, RunForOutputExplainsFailure) {
  EXPECT_EQ(RunForOutput({"sh", "-c", "echo first >&2; echo last >&2; exit 1"}).error().message(),
            "sh failed with status 1: last");
}

TEST(Subprocess, AnAdoptedProcessIsKilledAndItsEndIsSeen) {
  // The shell ends at once and leaves its child to others.
  std::string pid = os::Run({"sh", "-c", "sleep 100 >/dev/null 2>&1 & echo $!"})->out;
  Subprocess adopted = *Subprocess::Adopt(std::stoi(pid));
  EXPECT_EQ(*adopted.Wait(0ms), std::nullopt);
  ASSERT_TRUE(adopted.Kill(SIGKILL));
  std::optional<ExitStatus> ended = *adopted.Wait(10s);
  ASSERT_TRUE(ended.has_value());
  EXPECT_FALSE(ended->ok());
  EXPECT_EQ(adopted.Wait(0ms)->value().code, ExitStatus::kUntold);
}

TEST(Subprocess, ThereIsNothingToAdoptBehindAFreeNumber) {
  EXPECT_TRUE(Subprocess::Adopt(1 << 30).error().Is(Reason::kNotFound));
}

}  // namespace
}  // namespace sampan::os
