#include "daemon/agent_process.h"

#include <gtest/gtest.h>

#include <thread>

#include "async/spawn.h"
#include "daemon/process.h"
#include "os/file.h"
#include "os/testing.h"

namespace sampan::daemon {
namespace {

using namespace std::chrono_literals;

class AgentProcessTest : public testing::Test {
 protected:
  AgentProcessTest() {
    EXPECT_TRUE(os::MakeDirs(paths_.agent()));
    EXPECT_TRUE(os::MakeDirs(paths_.run()));
  }
  ~AgentProcessTest() override {
    stop_.Cancel();
    SyncWait(*pool_, gate_.Close());
  }

  // Runs a script in the place of the agent.
  void Run(const std::string& script) {
    agent_ = std::make_unique<AgentProcess>(AgentProcess::Deps{clock_, blocking_, paths_}, "/bin/sh",
                                            std::vector<std::string>{"-c", script});
    Spawn(*pool_, gate_, agent_->Run(stop_.token()));
  }
  // How long it waits before the next start, once it does.
  Duration Pause() {
    while (!clock_.UntilNext()) std::this_thread::yield();
    return *clock_.UntilNext();
  }
  std::string Journal() { return os::ReadFile(journal_, os::kConfigFileLimit).value_or(""); }

  os::TempDir directory_;
  Paths paths_{directory_ / "data", directory_ / "run"};
  std::string journal_ = directory_ / "journal";
  ManualClock clock_;
  BlockingPool blocking_{4};
  std::unique_ptr<Executor> pool_ = NewThreadPool("test", 1);
  CancelSource stop_;
  Gate gate_;
  std::unique_ptr<AgentProcess> agent_;
};

TEST_F(AgentProcessTest, IsStartedAgainWhateverEndsIt) {
  Run(fmt::format("echo started >> {}; kill -KILL $$", journal_));
  EXPECT_EQ(Pause(), 100ms);
  clock_.Advance(100ms);
  EXPECT_EQ(Pause(), 200ms) << "it dies quickly again and again";
  EXPECT_EQ(Journal(), "started\nstarted\n");
}

TEST_F(AgentProcessTest, IsAskedToEndWithTheServer) {
  Run(fmt::format("trap 'echo asked >> {0}; kill $!; exit 0' TERM; sleep 1000 & echo up >> {0}; wait", journal_));
  while (Journal() != "up\n") std::this_thread::yield();
  stop_.Cancel();
  SyncWait(*pool_, gate_.Close());
  EXPECT_EQ(Journal(), "up\nasked\n");
}

TEST_F(AgentProcessTest, OneThatHangsIsEndedAndStartedAgain) {
  ASSERT_TRUE(os::WriteFileAtomic(paths_.agent_run_lock(), ""));
  Run(fmt::format("echo up >> {}; exec sleep 1000", journal_));
  while (Journal() != "up\n") std::this_thread::yield();
  while (!clock_.UntilNext()) {
    clock_.Advance(20s);
    std::this_thread::yield();
  }
  EXPECT_EQ(Pause(), 100ms);
  clock_.Advance(100ms);
  while (Journal() != "up\nup\n") std::this_thread::yield();
}

TEST_F(AgentProcessTest, AProgramThatCannotBeStartedIsTriedAgain) {
  agent_ = std::make_unique<AgentProcess>(AgentProcess::Deps{clock_, blocking_, paths_}, directory_ / "absent",
                                          std::vector<std::string>{});
  Spawn(*pool_, gate_, agent_->Run(stop_.token()));
  EXPECT_EQ(Pause(), 100ms);
}

}  // namespace
}  // namespace sampan::daemon
