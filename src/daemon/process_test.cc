#include "daemon/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "os/file.h"
#include "os/subprocess.h"
#include "os/testing.h"

namespace sampan::daemon {
namespace {

using namespace std::chrono_literals;

// A process that holds a lock until it is killed; it does not heed SIGTERM when told so.
class Holder {
 public:
  explicit Holder(const std::string& path, void (*on_term)(int) = SIG_DFL) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ == 0) {
      std::signal(SIGTERM, on_term);
      auto lock = DirectoryLock::Take(path, "--data-dir");
      (void)!write(ready[1], lock ? "y" : "n", 1);
      while (true) pause();
    }
    char held = 'n';
    EXPECT_EQ(read(ready[0], &held, 1), 1);
    EXPECT_EQ(held, 'y');
    close(ready[0]);
    close(ready[1]);
  }
  ~Holder() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

TEST(DirectoryLock, TellsWhoHoldsItAndTheWayOut) {
  os::TempDir directory;
  const std::string path = directory / "lock";
  EXPECT_EQ(LockHolder(path), 0);
  Holder holder(path);
  EXPECT_EQ(LockHolder(path), holder.pid());
  auto taken = DirectoryLock::Take(path, "--run-dir");
  ASSERT_FALSE(taken);
  EXPECT_EQ(
      taken.error().message(),
      fmt::format("{} is held by another sampan, process {}; stop it, or choose another --run-dir", path, holder.pid()));
}

TEST(DirectoryLock, IsFreeWhenItsProcessWasKilled) {
  os::TempDir directory;
  const std::string path = directory / "lock";
  {
    Holder holder(path);
  }
  EXPECT_EQ(LockHolder(path), 0);
  EXPECT_TRUE(DirectoryLock::Take(path, "--data-dir"));
}

TEST(EndLockHolder, AsksAndThenInsists) {
  os::TempDir directory;
  const std::string path = directory / "lock";
  EXPECT_TRUE(EndLockHolder(path, 0s)) << "nobody holds it";
  {
    Holder willing(path);
    EXPECT_TRUE(EndLockHolder(path, 1h));
    EXPECT_EQ(LockHolder(path), 0);
  }
  Holder unwilling(path, SIG_IGN);
  EXPECT_TRUE(EndLockHolder(path, 10ms));
  EXPECT_EQ(LockHolder(path), 0);
}

TEST(RunsThisProgram, ComparesTheFileAndTheArguments) {
  std::string line = *os::ReadFile("/proc/self/cmdline", os::kKernelFileLimit);
  std::vector<std::string> arguments;
  for (size_t at = line.find('\0') + 1; at < line.size(); at = line.find('\0', at) + 1) {
    arguments.emplace_back(line.c_str() + at);
  }
  EXPECT_TRUE(RunsThisProgram(getpid(), arguments));
  arguments.emplace_back("--more");
  EXPECT_FALSE(RunsThisProgram(getpid(), arguments));
  os::SpawnOptions options;
  options.argv = {"sleep", "100"};
  os::Subprocess other = *os::Subprocess::Spawn(options);
  EXPECT_FALSE(RunsThisProgram(other.pid(), {"100"})) << "another program";
  EXPECT_TRUE(other.Kill(SIGKILL));
  EXPECT_TRUE(other.Wait());
}

}  // namespace
}  // namespace sampan::daemon
