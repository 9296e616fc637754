#include "daemon/access_follower.h"

#include <gtest/gtest.h>

#include <thread>

#include "async/spawn.h"
#include "base/guarded.h"

namespace sampan::daemon {
namespace {

using std::chrono::seconds;

// What the file says now, and what has been taken over from it.
struct Files {
  Result<client::ClientConfig> says;
  std::vector<std::string> used;
  bool refuse = false;
};

Task<Result<void>> Use(Guarded<Files>* files, std::string server) {
  auto locked = files->Lock();
  if (std::exchange(locked->refuse, false)) co_return Fail(Error::InternalError("no"));
  locked->used.push_back(std::move(server));
  co_return Result<void>();
}

class AccessFollowerTest : public testing::Test {
 protected:
  AccessFollowerTest() {
    AccessFollowing following{[this] { return files_.Lock()->says; },
                              [this](const client::ClientConfig& access) { return Use(&files_, access.server); }};
    files_.Lock()->says = Named("a");
    Spawn(*pool_, gate_, FollowAccess(&clock_, &blocking_, std::move(following), Named("a"), stop_.token()));
    Settle();
  }
  ~AccessFollowerTest() override {
    stop_.Cancel();
    SyncWait(*pool_, gate_.Close());
  }
  static client::ClientConfig Named(std::string server) {
    client::ClientConfig config;
    config.server = std::move(server);
    return config;
  }
  void Settle() {
    while (!clock_.UntilNext()) std::this_thread::yield();
  }
  std::vector<std::string> After(Result<client::ClientConfig> says) {
    files_.Lock()->says = std::move(says);
    clock_.Advance(seconds(2));
    Settle();
    return files_.Lock()->used;
  }

  ManualClock clock_;
  BlockingPool blocking_{1};
  std::unique_ptr<Executor> pool_ = NewThreadPool("test", 1);
  Guarded<Files> files_{Files{client::ClientConfig(), {}, false}};
  CancelSource stop_;
  Gate gate_;
};

TEST_F(AccessFollowerTest, TakesOverWhatChangesOnce) {
  using Used = std::vector<std::string>;
  EXPECT_EQ(After(Named("a")), Used{});
  EXPECT_EQ(After(Named("b")), Used{"b"});
  EXPECT_EQ(After(Named("b")), Used{"b"});
  EXPECT_EQ(After(Fail(Error::NotFound("no file"))), Used{"b"}) << "a file that is away for a moment";
  EXPECT_EQ(After(Named("b")), Used{"b"});
  files_.Lock()->refuse = true;
  EXPECT_EQ(After(Named("c")), Used{"b"});
  EXPECT_EQ(After(Named("c")), (Used{"b", "c"})) << "what was refused is tried again";
}

}  // namespace
}  // namespace sampan::daemon
