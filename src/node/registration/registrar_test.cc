#include "node/registration/registrar.h"

#include <gtest/gtest.h>

#include <thread>

#include "async/spawn.h"
#include "client/fake.h"
#include "node/cri/fake_runtime.h"
#include "os/testing.h"

namespace sampan::node {
namespace {

using api::core::Node;
using std::chrono::seconds;

class RegistrarTest : public ::testing::Test {
 protected:
  RegistrarTest()
      : registrar_({api_, runtime_, clock_, blocking_}, {.name = "node-b", .ip = "192.0.2.2"}, {}, directory_ / "") {
    EXPECT_TRUE(SyncWait(*pool_, registrar_.Register({})));
  }
  Task<void> Find() {
    auto range = co_await registrar_.EnsurePodCidr("10.244.0.0/16", stop_.token());
    range_.Lock()->emplace(std::move(range));
  }
  bool Found() { return range_.ReadLock()->has_value(); }

  os::TempDir directory_;
  ManualClock clock_;
  std::unique_ptr<Rng> rng_ = NewSeededRng(1);
  BlockingPool blocking_{2};
  std::unique_ptr<Executor> pool_ = NewThreadPool("test", 1);
  client::FakeClient api_{clock_, *rng_};
  cri::FakeRuntime runtime_{clock_};
  Registrar registrar_;
  CancelSource stop_;
  Gate gate_;
  Guarded<std::optional<Result<std::string>>> range_;
};

TEST_F(RegistrarTest, TakesNoRangeButTheOneItIsGiven) {
  Spawn(*pool_, gate_, Find());
  for (int i = 0; i < 100; ++i) {
    while (!clock_.UntilNext()) std::this_thread::yield();
    clock_.Advance(seconds(1));
  }
  EXPECT_FALSE(Found());
  json::Value patch = json::Object{{"spec", json::Object{{"podCIDR", "10.244.7.0/24"}}}};
  ASSERT_TRUE(SyncWait(*pool_, client::MergePatch<Node>(api_, "", "node-b", std::move(patch))));
  while (!Found()) {
    clock_.Advance(seconds(1));
    std::this_thread::yield();
  }
  EXPECT_EQ(range_.ReadLock()->value().value_or(""), "10.244.7.0/24");
  SyncWait(*pool_, gate_.Close());
}

TEST_F(RegistrarTest, StopsWaiting) {
  Spawn(*pool_, gate_, Find());
  while (!clock_.UntilNext()) std::this_thread::yield();
  stop_.Cancel();
  SyncWait(*pool_, gate_.Close());
  EXPECT_FALSE(range_.ReadLock()->value());
}

}  // namespace
}  // namespace sampan::node
