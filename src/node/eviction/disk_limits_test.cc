#include "node/eviction/disk_limits.h"

#include <gtest/gtest.h>

#include "os/testing.h"

namespace sampan::node {
namespace {

using api::core::Pod;
using api::core::PodSpec;

constexpr int64_t kMi = 1 << 20;

PodSpec Spec(const char* text) {
  return *api::FromJsonText<PodSpec>(text);
}

TEST(ExceededDiskLimit, Table) {
  const PodSpec volume = Spec(R"({"containers":[{"name":"c"}],"volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Mi"}}]})");
  const PodSpec two = Spec(R"({"containers":[{"name":"a","resources":{"limits":{"ephemeral-storage":"2Mi"}}},
                                             {"name":"b","resources":{"limits":{"ephemeral-storage":"1Mi"}}}],
                               "volumes":[{"name":"v","emptyDir":{}}]})");
  const PodSpec free = Spec(R"({"containers":[{"name":"a"}],"volumes":[{"name":"v","emptyDir":{"sizeLimit":"0"}}]})");
  struct Case {
    const char* name;
    const PodSpec& spec;
    DiskUsage usage;
    const char* reason;  // empty: it goes on
  } cases[] = {
      {"a volume at its limit", volume, {{{"v", kMi}}, {{"c", 9 * kMi}}}, ""},
      {"a volume beyond it", volume, {{{"v", kMi + 1}}, {}}, "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". "},
      {"no limit", free, {{{"v", 99 * kMi}}, {{"a", 99 * kMi}}}, ""},
      {"all within theirs", two, {{{"v", 0}}, {{"a", 2 * kMi}, {"b", kMi}}}, ""},
      {"one container beyond its own",
       two,
       {{}, {{"b", kMi + 1}}},
       "Container b exceeded its local ephemeral storage limit \"1Mi\". "},
      {"all together",
       two,
       {{{"v", 2 * kMi}}, {{"a", kMi}, {"b", 1}}},
       "Pod ephemeral local storage usage exceeds the total limit of containers 3Mi. "},
  };
  for (const Case& one : cases) EXPECT_EQ(ExceededDiskLimit(one.spec, one.usage).value_or(""), one.reason) << one.name;
  EXPECT_TRUE(HasDiskLimits(volume));
  EXPECT_TRUE(HasDiskLimits(two));
  EXPECT_FALSE(HasDiskLimits(free));
}

TEST(MeasureDisk, TellsVolumesAndContainersApart) {
  os::TempDir dir;
  const Paths paths{.data = dir / "data", .run = dir / "run", .logs = dir / "logs"};
  const Pod pod = *api::FromJsonText<Pod>(R"({"metadata":{"name":"web","namespace":"shop","uid":"u1"},
      "spec":{"containers":[{"name":"c"},{"name":"silent"}],"volumes":[{"name":"a","emptyDir":{"sizeLimit":"1Mi"}},
      {"name":"m","emptyDir":{"medium":"Memory"}},{"name":"h","hostPath":{"path":"/"}}]}})");
  const std::string volumes = paths.Volumes("u1") + "/kubernetes.io~empty-dir";
  for (const std::string& file :
       {volumes + "/a/deep/er/f", volumes + "/m/f", paths.PodLogs("shop", "web", "u1") + "/c/0.log"}) {
    ASSERT_TRUE(os::MakeDirs(std::string(os::DirName(file))));
    ASSERT_TRUE(os::WriteFileAtomic(file, std::string(1'000'000, 'x')));
  }
  const DiskUsage usage = MeasureDisk(paths, pod);
  ASSERT_EQ(usage.empty_dirs.size(), 1U) << "the one in memory has a limit of its own";
  EXPECT_NEAR(static_cast<double>(usage.empty_dirs.at("a")), 1e6, 5e4);
  EXPECT_NEAR(static_cast<double>(usage.containers.at("c")), 1e6, 5e4);
  EXPECT_EQ(usage.containers.at("silent"), 0);
}

}  // namespace
}  // namespace sampan::node
