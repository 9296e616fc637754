#include "os/file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <thread>

#include "os/fd.h"
#include "os/testing.h"

namespace sampan::os {
namespace {

TEST(File, AtomicWriteSetsContentAndModeWhateverTheUmask) {
  TempDir dir;
  mode_t before = ::umask(0077);
  EXPECT_OK(WriteFileAtomic(dir / "a", "one", {.mode = 0644}));
  EXPECT_OK(WriteFileAtomic(dir / "a", "two", {.mode = 0666}));
  ::umask(before);
  EXPECT_EQ(*ReadFile(dir / "a", kConfigFileLimit), "two");
  EXPECT_EQ(Stat(dir / "a")->mode, 0666U);
  EXPECT_EQ(ListDir(dir.path())->size(), 1U) << "no temporary file is left";
}

TEST(File, AtomicWriteIntoAnAbsentDirectoryIsNotFound) {
  TempDir dir;
  EXPECT_TRUE(WriteFileAtomic(dir / "x/a", "").error().Is(Reason::kNotFound));
}

TEST(File, ReadsFilesWhoseSizeIsUnknown) {
  EXPECT_GT(ReadFile("/proc/self/maps", kKernelFileLimit)->size(), 100U);
  EXPECT_TRUE(ReadFile("/proc/no-such-file", kKernelFileLimit).error().Is(Reason::kNotFound));
}

TEST(File, ReadsNoMoreThanTheLimitWhateverTheFileSaysOfItsSize) {
  TempDir dir;
  std::string data(3 << 20, 'x');
  EXPECT_OK(WriteFileAtomic(dir / "big", data, {.sync = Sync::kNo}));
  EXPECT_EQ(ReadFile(dir / "big", data.size())->size(), data.size());
  EXPECT_TRUE(ReadFile(dir / "big", data.size() - 1).error().Is(Reason::kRequestEntityTooLarge));
  EXPECT_EQ(ReadFile("/proc/self/maps", 10).error().message(), "/proc/self/maps: longer than 10 bytes");
  EXPECT_OK(WriteFileAtomic(dir / "sparse", "begin"));
  ASSERT_EQ(::truncate((dir / "sparse").c_str(), off_t{8} << 40), 0);
  EXPECT_TRUE(ReadFile(dir / "sparse", 100).error().Is(Reason::kRequestEntityTooLarge));
  EXPECT_EQ(*ReadFileTail(dir / "sparse", 3), std::string(3, '\0'));
  EXPECT_OK(WriteFileAtomic(dir / "short", "begin"));
  EXPECT_EQ(*ReadFileTail(dir / "short", 3), "gin");
  EXPECT_EQ(*ReadFileTail(dir / "short", 100), "begin");
}

TEST(File, ReadsRegularFilesOnlyAndWaitsForNone) {
  TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_OK(SwapSymlink(dir / "link", "/etc/passwd"));
  EXPECT_OK(SwapSymlink(dir / "zero", "/dev/zero"));
  for (const char* name : {"fifo", "zero", ".", "absent"}) EXPECT_FALSE(ReadFile(dir / name, 100)) << name;
  for (const char* name : {"fifo", "zero", ".", "link", "absent"}) EXPECT_FALSE(ReadFileTail(dir / name, 100)) << name;
  EXPECT_TRUE(ReadFile(dir / "link", kConfigFileLimit));
  EXPECT_FALSE(ReadFile(dir / "link", kConfigFileLimit, Links::kRefuse));
}

TEST(File, ALeftTemporaryFileIsInNobodysWay) {
  TempDir dir;
  // What a predecessor with the same process id has left when it was killed.
  for (int i = 0; i < 100; ++i) EXPECT_OK(AppendFile(fmt::format("{}.{}.{}.tmp", dir / "a", ::getpid(), i), "old"));
  EXPECT_OK(WriteFileAtomic(dir / "a", "new"));
  EXPECT_OK(SwapSymlink(dir / "link", "a"));
  EXPECT_EQ(*ReadFile(dir / "link", 10), "new");
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

// Goes down by descriptor, as a program in a container does: its path is longer than any path may be.
void Nest(const std::string& top, int levels) {
  Fd at(::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < levels; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "a", 0755), 0);
    at = Fd(::openat(at.get(), "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (i % 100 == 0) ASSERT_TRUE(Fd(::openat(at.get(), "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
  }
}

// The thread's stack and the descriptors are as few as a recursion with the depth would not bear.
TEST(File, RemoveAllMindsNeitherDepthNorWidth) {
  TempDir dir;
  EXPECT_OK(MakeDirs(dir / "tree"));
  Nest(dir / "tree", 500);
  for (int i = 0; i < 200; ++i) {
    const std::string sub = fmt::format("{}/d{}", dir / "tree", i);
    ASSERT_EQ(::mkdir(sub.c_str(), 0700), 0);
    ASSERT_EQ(::mkdir((sub + "/\xff\n").c_str(), 0), 0) << "a name that is no text";
  }
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few{100, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  Result<void> removed;
  std::thread([&] { removed = RemoveAll(dir / "tree"); }).join();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_OK(removed);
  EXPECT_FALSE(Exists(dir / "tree"));
}

TEST(File, TwoMayRemoveTheSameTree) {
  TempDir dir;
  for (int round = 0; round < 5; ++round) {
    EXPECT_OK(MakeDirs(dir / "tree"));
    Nest(dir / "tree", 200);
    for (int i = 0; i < 50; ++i) EXPECT_OK(MakeDirs(fmt::format("{}/d{}/e/f", dir / "tree", i)));
    Result<void> other;
    std::thread thread([&] { other = RemoveAll(dir / "tree"); });
    EXPECT_OK(RemoveAll(dir / "tree"));
    thread.join();
    EXPECT_OK(other);
    EXPECT_FALSE(Exists(dir / "tree"));
  }
}

TEST(File, RemoveAllEndsAtMountPoints) {
  SKIP_WITHOUT(kCapSysAdmin, "mounting");
  TempDir dir;
  EXPECT_OK(MakeDirs(dir / "tree/below/mounted"));
  EXPECT_OK(MakeDirs(dir / "keep"));
  EXPECT_OK(WriteFileAtomic(dir / "keep/file", "x"));
  // Of the same file system: its device does not tell it.
  EXPECT_OK(BindMount(dir / "keep", dir / "tree/below/mounted"));
  EXPECT_TRUE(RemoveAll(dir / "tree").error().Is(Reason::kConflict));
  EXPECT_OK(Unmount(dir / "tree/below/mounted"));
  EXPECT_TRUE(Exists(dir / "keep/file"));
  EXPECT_OK(RemoveAll(dir / "tree"));
}

TEST(File, WhatCanHaveNoSuchNameIsAbsent) {
  TempDir dir;
  const std::string path = dir / std::string(300, 'n');
  EXPECT_OK(RemoveFile(path));
  EXPECT_OK(RemoveAll(path));
}

TEST(File, SwapSymlinkReplaces) {
  TempDir dir;
  EXPECT_OK(SwapSymlink(dir / "data", "one"));
  EXPECT_OK(SwapSymlink(dir / "data", "two"));
  EXPECT_EQ(*ReadSymlink(dir / "data"), "two");
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
