#include "os/file.h"

#include <sys/stat.h>

#include "os/testing.h"

namespace sampan::os {
namespace {

TEST(File, AtomicWriteSetsContentAndModeWhateverTheUmask) {
  TempDir dir;
  mode_t before = ::umask(0077);
  EXPECT_OK(WriteFileAtomic(dir / "a", "one", {.mode = 0644}));
  EXPECT_OK(WriteFileAtomic(dir / "a", "two", {.mode = 0666}));
  ::umask(before);
  EXPECT_EQ(*ReadFile(dir / "a"), "two");
  EXPECT_EQ(Stat(dir / "a")->mode, 0666U);
  EXPECT_EQ(ListDir(dir.path())->size(), 1U) << "no temporary file is left";
}

TEST(File, AtomicWriteIntoAnAbsentDirectoryIsNotFound) {
  TempDir dir;
  EXPECT_TRUE(WriteFileAtomic(dir / "x/a", "").error().Is(Reason::kNotFound));
}

TEST(File, ReadsFilesWhoseSizeIsUnknown) {
  EXPECT_GT(ReadFile("/proc/self/maps")->size(), 100U);
  EXPECT_TRUE(ReadFile("/proc/no-such-file").error().Is(Reason::kNotFound));
}

TEST(File, ReadsLargeFilesWhole) {
  TempDir dir;
  std::string data(3 << 20, 'x');
  EXPECT_OK(WriteFileAtomic(dir / "big", data, {.sync = Sync::kNo}));
  EXPECT_EQ(ReadFile(dir / "big")->size(), data.size());
}

TEST(File, MakeDirsMakesParentsWithTheModeAndKeepsExistingOnes) {
  TempDir dir;
  EXPECT_OK(MakeDirs(dir / "a/b/c", 0711));
  EXPECT_EQ(Stat(dir / "a")->mode, 0711U);
  EXPECT_OK(MakeDirs(dir / "a/b", 0700));
  EXPECT_EQ(Stat(dir / "a/b")->mode, 0711U);
  EXPECT_OK(WriteFileAtomic(dir / "file", ""));
  EXPECT_FALSE(MakeDirs(dir / "file"));
  EXPECT_EQ(MakeDirs("/proc/none/below").error().message(), "/proc/none: No such file or directory");
}

TEST(File, RemoveAllDoesNotFollowLinks) {
  TempDir dir;
  EXPECT_OK(MakeDirs(dir / "keep"));
  EXPECT_OK(WriteFileAtomic(dir / "keep/file", "x"));
  EXPECT_OK(MakeDirs(dir / "tree/below"));
  EXPECT_OK(SwapSymlink(dir / "tree/below/link", dir / "keep"));
  EXPECT_OK(RemoveAll(dir / "tree/"));
  EXPECT_FALSE(Exists(dir / "tree"));
  EXPECT_TRUE(Exists(dir / "keep/file"));
  EXPECT_OK(RemoveAll(dir / "tree"));
}

TEST(File, SwapSymlinkReplaces) {
  TempDir dir;
  EXPECT_OK(SwapSymlink(dir / "data", "one"));
  EXPECT_OK(SwapSymlink(dir / "data", "two"));
  EXPECT_EQ(*ReadSymlink(dir / "data"), "two");
}

TEST(File, MeasureTreeCountsHardLinksOnce) {
  TempDir dir;
  EXPECT_OK(WriteFileAtomic(dir / "a", std::string(100000, 'x')));
  uint64_t before = MeasureTree(dir.path())->bytes;
  ASSERT_EQ(::link((dir / "a").c_str(), (dir / "b").c_str()), 0);
  TreeUsage after = *MeasureTree(dir.path());
  EXPECT_EQ(after.bytes, before);
  EXPECT_EQ(after.inodes, 2U);
}

TEST(File, Paths) {
  EXPECT_EQ(JoinPath("/a/", "/b"), "/a/b");
  EXPECT_EQ(DirName("/a/b/"), "/a");
  EXPECT_EQ(DirName("/a"), "/");
  EXPECT_EQ(DirName("a"), ".");
  EXPECT_EQ(BaseName("/a/b"), "b");
}

}  // namespace
}  // namespace sampan::os
