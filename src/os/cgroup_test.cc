#include "os/cgroup.h"

#include "os/subprocess.h"
#include "os/testing.h"

namespace sampan::os {
namespace {

TEST(Cgroup, LifeOfAGroup) {
  SKIP_WITHOUT(kCapSysAdmin, "making control groups");
  Result<Cgroups> cgroups = Cgroups::Detect();
  if (!cgroups) GTEST_SKIP() << cgroups.error().message();
  std::string group = fmt::format("/sampan-os-test-{}", ::getpid());
  std::string child_group = group + "/pod/container";
  CgroupLimits limits{.cpu_shares = 512, .cpu_quota_microseconds = 50000, .memory_bytes = 64 << 20, .pids = 20};
  ASSERT_OK(cgroups->Create(child_group, limits));
  EXPECT_TRUE(cgroups->Exists(group));
  EXPECT_EQ(cgroups->Stats(child_group)->memory_limit_bytes, 64U << 20);
  EXPECT_EQ(cgroups->Children(group)->size(), 1U);

  SpawnOptions options;
  options.argv = {"sleep", "100"};
  Subprocess sleeper = *Subprocess::Spawn(options);
  ASSERT_OK(cgroups->AddProc(child_group, sleeper.pid()));
  EXPECT_EQ(*cgroups->Procs(group), std::vector<pid_t>{sleeper.pid()});
  EXPECT_TRUE(cgroups->Procs(group, Cgroups::Depth::kThisGroup)->empty());
  EXPECT_EQ(cgroups->Stats(child_group)->pids, 1U);
  EXPECT_TRUE(cgroups->Remove(group).error().Is(Reason::kConflict)) << "a process is in it";

  std::thread reaper([&] { EXPECT_EQ((*sleeper.Wait())->signal, SIGKILL); });
  EXPECT_OK(cgroups->Kill(group));
  reaper.join();
  EXPECT_OK(cgroups->Remove(group));
  EXPECT_FALSE(cgroups->Exists(group));
  EXPECT_OK(cgroups->Remove(group));
  EXPECT_TRUE(cgroups->Stats(group).error().Is(Reason::kNotFound));
}

TEST(Cgroup, NothingMountedIsNotFound) {
  EXPECT_TRUE(Cgroups::Detect("/no/such/root").error().Is(Reason::kNotFound));
}

}  // namespace
}  // namespace sampan::os
