#include "os/mount.h"

#include "os/testing.h"

namespace sampan::os {
namespace {

TEST(Mount, ParsesMountInfo) {
  std::vector<MountInfo> mounts = ParseMountInfo(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n"
      "37 35 0:5 / /a\\040b rw - tmpfs tmpfs rw\n"
      "broken line\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].id, 36);
  EXPECT_EQ(mounts[0].root, "/mnt1");
  EXPECT_EQ(mounts[0].propagation, "master:1 shared:7");
  EXPECT_EQ(mounts[0].source, "/dev/root");
  EXPECT_EQ(mounts[0].super_options, "rw,errors=continue");
  EXPECT_EQ(mounts[1].mount_point, "/a b");
  EXPECT_EQ(mounts[1].propagation, "");
}

TEST(Mount, TmpfsBindAndUnmountAll) {
  SKIP_WITHOUT(kCapSysAdmin, "mounting");
  TempDir dir;
  ASSERT_OK(MakeDirs(dir / "tmpfs"));
  ASSERT_OK(MakeDirs(dir / "bind"));
  ASSERT_OK(MountTmpfs(dir / "tmpfs", {.size_bytes = 1 << 20, .mode = 01777}));
  EXPECT_EQ(Stat(dir / "tmpfs")->mode, 01777U);
  EXPECT_EQ(StatFs(dir / "tmpfs")->capacity_bytes, 1U << 20);
  ASSERT_OK(WriteFileAtomic(dir / "tmpfs/file", "x"));
  ASSERT_OK(BindMount(dir / "tmpfs", dir / "bind", Access::kReadOnly));
  EXPECT_EQ(*ReadFile(dir / "bind/file", kConfigFileLimit), "x");
  EXPECT_FALSE(WriteFileAtomic(dir / "bind/other", "x"));
  EXPECT_EQ(ListMounts(dir.path())->size(), 2U);
  EXPECT_TRUE(RemoveAll(dir / "bind").error().Is(Reason::kConflict)) << "a mount is not emptied";
  EXPECT_TRUE(Exists(dir / "tmpfs/file"));
  ASSERT_OK(UnmountAll(dir.path()));
  EXPECT_TRUE(ListMounts(dir.path())->empty());
  EXPECT_OK(Unmount(dir / "bind"));
}

TEST(Mount, MakeSharedTurnsADirectoryIntoASharedMount) {
  SKIP_WITHOUT(kCapSysAdmin, "mounting");
  TempDir dir;
  ASSERT_OK(MakeShared(dir.path()));
  std::vector<MountInfo> mounts = *ListMounts(dir.path());
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_TRUE(mounts[0].propagation.starts_with("shared:"));
}

}  // namespace
}  // namespace sampan::os
