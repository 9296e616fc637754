#include "os/disk_use.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/testing.h"

namespace sampan::os {
namespace {

using Extent = DiskUse::Extent;

TEST(DiskUse, CountsWhatIsThereAndNothingElse) {
  TempDir dir;
  EXPECT_EQ(DiskUseOf(dir / "absent", 100), DiskUse());
  ASSERT_TRUE(MakeDirs(dir / "a/b/c"));
  for (const char* name : {"a/1", "a/b/2", "a/b/c/3", "a/b/4"}) {
    ASSERT_TRUE(WriteFileAtomic(dir / name, std::string(100'000, 'x')));
  }
  ASSERT_EQ(::link((dir / "a/1").c_str(), (dir / "a/b/1").c_str()), 0);
  ASSERT_TRUE(SwapSymlink(dir / "a/b/out", "/"));
  ASSERT_EQ(::mkfifo((dir / "a/fifo").c_str(), 0600), 0);
  ASSERT_TRUE(WriteFileAtomic(dir / "sparse", ""));
  ASSERT_EQ(::truncate((dir / "sparse").c_str(), off_t{10} << 40), 0);
  DiskUse use = DiskUseOf(dir.path(), 100);
  EXPECT_EQ(use.entries, 11U);
  EXPECT_EQ(use.extent, Extent::kWhole);
  EXPECT_GE(use.bytes, 400'000U);
  EXPECT_LE(use.bytes, 500'000U);
  use = DiskUseOf(dir.path(), 5);
  EXPECT_EQ(use.entries, 5U);
  EXPECT_EQ(use.extent, Extent::kPart);
}

TEST(DiskUse, MindsNeitherDepthNorWidth) {
  TempDir dir;
  constexpr size_t kDepth = 5000;
  Fd at(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (size_t i = 0; i < kDepth; ++i) {
    for (const char* name : {"x", "y", "z"}) {
      Fd file(::openat(at.get(), name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
      ASSERT_TRUE(file);
    }
    ASSERT_EQ(::mkdirat(at.get(), "m", 0700), 0);
    at = Fd(::openat(at.get(), "m", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  for (size_t i = 0; i < kDepth; ++i)
    Fd(::openat(at.get(), std::to_string(i).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const DiskUse use = DiskUseOf(dir.path(), 1'000'000);
  EXPECT_EQ(use.entries, 5 * kDepth);
  EXPECT_EQ(use.extent, Extent::kWhole);
}

}  // namespace
}  // namespace sampan::os
