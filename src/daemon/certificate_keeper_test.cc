#include "daemon/certificate_keeper.h"

#include <gtest/gtest.h>

#include <thread>

#include "async/spawn.h"
#include "base/guarded.h"
#include "os/testing.h"

namespace sampan::daemon {
namespace {

using std::chrono::days;
using std::chrono::minutes;

class CertificateKeeperTest : public testing::Test {
 protected:
  void SetUp() override {
    first_ = *Renew(clock_.Now());
    CertificateKeeping keeping{[this](WallTime now) { return Renew(now); },
                               [this](const Certificates& all) -> Result<void> {
                                 if (refuse_.exchange(false)) return Fail(Error::InternalError("no"));
                                 used_.Lock()->push_back(all);
                                 return {};
                               }};
    Spawn(*pool_, gate_, KeepCertificates(&clock_, &blocking_, std::move(keeping), first_, stop_.token()));
    Settle();
  }
  void TearDown() override {
    stop_.Cancel();
    SyncWait(*pool_, gate_.Close());
  }

  Result<Certificates> Renew(WallTime now) {
    return EnsureCertificates(
        Paths(directory_ / "data", directory_ / "run"),
        {.api_addresses = {"10.0.0.1"}, .cluster_domain = "cluster.local", .node_name = "a", .node_ip = "10.0.0.1"}, now);
  }
  // Until it waits for its next look.
  void Settle() {
    while (!clock_.UntilNext()) std::this_thread::yield();
  }
  void Pass(Duration time) {
    clock_.Advance(time);
    Settle();
  }
  size_t uses() { return used_.Lock()->size(); }

  os::TempDir directory_;
  ManualClock clock_;
  BlockingPool blocking_{1};
  std::unique_ptr<Executor> pool_ = NewThreadPool("test", 1);
  Certificates first_;
  std::atomic<bool> refuse_{false};
  Guarded<std::vector<Certificates>> used_;
  CancelSource stop_;
  Gate gate_;
};

TEST_F(CertificateKeeperTest, RenewsWhatComesNearItsEndAndKeepsTheRest) {
  Pass(days(300));
  EXPECT_EQ(uses(), 0U);
  Pass(days(40));
  ASSERT_EQ(uses(), 1U);
  Certificates renewed = used_.Lock()->front();
  EXPECT_NE(renewed.api_server.certificate_pem, first_.api_server.certificate_pem);
  EXPECT_NE(renewed.kubelet.certificate_pem, first_.kubelet.certificate_pem);
  EXPECT_NE(renewed.kubelet_client.certificate_pem, first_.kubelet_client.certificate_pem);
  EXPECT_NE(renewed.admin.certificate_pem, first_.admin.certificate_pem);
  EXPECT_EQ(renewed.ca_pem, first_.ca_pem);
  EXPECT_EQ(renewed.service_account_key_pem, first_.service_account_key_pem);
  Pass(minutes(1));
  EXPECT_EQ(uses(), 1U) << "the new ones are young";
  Pass(days(340));
  EXPECT_EQ(uses(), 2U) << "and are renewed in their turn";
}

TEST_F(CertificateKeeperTest, RenewsAfterTheyEnded) {
  Pass(days(3000));
  EXPECT_EQ(uses(), 1U);
}

TEST_F(CertificateKeeperTest, WhatWasNotTakenOverIsHandedOutAgain) {
  refuse_ = true;
  Pass(days(340));
  EXPECT_EQ(uses(), 0U);
  Pass(minutes(1));
  EXPECT_EQ(uses(), 1U);
}

TEST(RenewalDue, ByTheWallClock) {
  os::TempDir directory;
  WallTime now = *ParseTime("2026-05-01T00:00:00Z");
  Certificates all = *EnsureCertificates(Paths(directory / "data", directory / "run"),
                                         {.cluster_domain = "cluster.local", .node_name = "a", .node_ip = "10.0.0.1"}, now);
  struct Row {
    Duration later;
    bool due;
  };
  for (const Row& row :
       {Row{days(0), false}, Row{days(334), false}, Row{days(336), true}, Row{days(400), true}, Row{-days(1), true}}) {
    EXPECT_EQ(RenewalDue(all, now + row.later), row.due) << FormatDuration(row.later);
  }
  all.admin.certificate_pem = "nonsense";
  EXPECT_TRUE(RenewalDue(all, now));
}

}  // namespace
}  // namespace sampan::daemon
