#include "os/proc.h"

#include "os/testing.h"

namespace sampan::os {
namespace {

TEST(Proc, ParsesMemInfo) {
  MemInfo info = ParseMemInfo("MemTotal:       100 kB\nMemFree:  20 kB\nMemAvailable:\t50 kB\nHugePages_Total: 0\n");
  EXPECT_EQ(info.total_bytes, 102400U);
  EXPECT_EQ(info.free_bytes, 20480U);
  EXPECT_EQ(info.available_bytes, 51200U);
}

TEST(Proc, ParsesCpuTimes) {
  CpuTimes times = ParseCpuTimes("cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n", 100);
  EXPECT_EQ(times.user_nanoseconds, 30'000'000U);
  EXPECT_EQ(times.system_nanoseconds, 160'000'000U);
  EXPECT_EQ(times.idle_nanoseconds, 90'000'000U);
}

TEST(Proc, ThisMachine) {
  EXPECT_GT(ReadMemInfo()->total_bytes, ReadMemInfo()->available_bytes);
  EXPECT_OK(ReadLoadAverage());
  EXPECT_GT(ReadCpuTimes()->idle_nanoseconds, 0U);
  EXPECT_GE(CpuCount(), 1);
  EXPECT_GT(*ResidentBytes(::getpid()), 1U << 20);
  std::vector<pid_t> pids = *ListPids();
  EXPECT_TRUE(std::binary_search(pids.begin(), pids.end(), ::getpid()));
  std::vector<InterfaceStats> interfaces = *ReadInterfaceStats();
  EXPECT_TRUE(std::any_of(interfaces.begin(), interfaces.end(), [](const auto& i) { return i.name == "lo"; }));
  EXPECT_GT(Uptime()->count(), 0);
  EXPECT_EQ(BootId()->size(), 36U);
  EXPECT_FALSE(Hostname().empty());
  EXPECT_FALSE(KernelRelease().empty());
  EXPECT_FALSE(OsImage().empty());
}

}  // namespace
}  // namespace sampan::os
