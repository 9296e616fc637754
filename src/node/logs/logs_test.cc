#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "node/logs/log_file.h"
#include "node/logs/log_reader.h"
#include "node/logs/rotation.h"
#include "node/server/kubelet_server.h"
#include "os/file.h"

namespace sampan::node {
namespace {

class Logs : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/sampan-logs-XXXXXX";
    dir_ = mkdtemp(path);
    path_ = dir_ + "/0.log";
  }
  void TearDown() override { (void)os::RemoveAll(dir_); }

  void Append(std::string_view text) { ASSERT_TRUE(os::AppendFile(path_, text)); }
  void AppendLines(int from, int to) {
    for (int i = from; i < to; ++i) Append(fmt::format("2026-01-01T00:00:{:02}.000000001Z stdout F line {}\n", i, i));
  }
  std::string ReadAll(LogOptions options) {
    auto reader = LogReader::Open(path_, options);
    if (!reader) return reader.error().message();
    std::string out;
    while (true) {
      std::string piece = reader->Next().value_or("");
      if (piece.empty()) return out;
      out += piece;
    }
  }

  std::string dir_, path_;
};

TEST_F(Logs, Options) {
  AppendLines(0, 4);
  Append("2026-01-01T00:00:04.000000001Z stderr P half\n2026-01-01T00:00:04.000000002Z stderr F  done\n");
  LogOptions tail, since, limit, stream, stamps;
  tail.tail_lines = 3;
  since.since = *ParseTime("2026-01-01T00:00:03Z");
  limit.limit_bytes = 10;
  stream.stream = "Stderr";
  stamps.timestamps = true;
  stamps.tail_lines = 1;
  EXPECT_EQ(ReadAll({}), "line 0\nline 1\nline 2\nline 3\nhalf done\n");
  EXPECT_EQ(ReadAll(tail), "line 3\nhalf done\n");
  EXPECT_EQ(ReadAll(since), "line 3\nhalf done\n");
  EXPECT_EQ(ReadAll(limit), "line 0\nlin");
  EXPECT_EQ(ReadAll(stream), "half done\n");
  EXPECT_EQ(ReadAll(stamps), "2026-01-01T00:00:04.000000002Z  done\n");
  tail.tail_lines = 0;
  EXPECT_EQ(ReadAll(tail), "");
}

TEST_F(Logs, FollowsThroughRotation) {
  AppendLines(0, 2);
  auto reader = LogReader::Open(path_, {});
  ASSERT_TRUE(reader);
  EXPECT_EQ(*reader->Next(), "line 0\nline 1\n");
  EXPECT_EQ(*reader->Next(), "");
  AppendLines(2, 3);
  ASSERT_TRUE(os::Rename(path_, path_ + ".old"));
  AppendLines(3, 4);
  EXPECT_EQ(*reader->Next(), "line 2\n");
  EXPECT_EQ(*reader->Next(), "line 3\n");
}

TEST_F(Logs, TailOfALongFile) {
  std::string big;
  for (int i = 0; i < 20000; ++i) big += fmt::format("2026-01-01T00:00:00.000000001Z stdout F line {}\n", i);
  Append(big);
  LogOptions tail;
  tail.tail_lines = 2;
  EXPECT_EQ(ReadAll(tail), "line 19998\nline 19999\n");
  EXPECT_EQ(LogTail(path_, 2, 1000), "line 19998\nline 19999\n");
  EXPECT_EQ(LogTail(path_, 100, 8), "e 19999\n");
}

TEST_F(Logs, EndlessLinesAreLeftOutAndEndlessFilesReadInPieces) {
  AppendLines(0, 1);
  Append("2026-01-01T00:00:00.000000001Z stdout F ");
  for (int i = 0; i < 3; ++i) Append(std::string(1 << 20, 'x'));
  Append("\n");
  AppendLines(1, 2);
  EXPECT_EQ(ReadAll({}), "line 0\nline 1\n");
  ASSERT_EQ(::truncate(path_.c_str(), off_t{8} << 40), 0);
  auto reader = LogReader::Open(path_, {});
  EXPECT_EQ(*reader->Next(), "line 0\n");
  EXPECT_EQ(*reader->Next(), "line 1\n");
  EXPECT_EQ(*reader->Next(), "");
  EXPECT_FALSE(reader->at_end());
  LogOptions tail;
  tail.tail_lines = 10;
  EXPECT_TRUE(LogReader::Open(path_, tail));
  EXPECT_EQ(LogTail(path_, 80, 2048), "");
}

TEST_F(Logs, OnlyRegularFilesAreRead) {
  ASSERT_TRUE(os::SwapSymlink(dir_ + "/link", "/etc/passwd"));
  ASSERT_EQ(::mkfifo((dir_ + "/fifo").c_str(), 0600), 0);
  for (const char* name : {"/link", "/fifo", "/.", "/absent"}) {
    EXPECT_FALSE(LogReader::Open(dir_ + name, {})) << name;
    EXPECT_EQ(LogTail(dir_ + name, 80, 2048), "") << name;
    auto rotated = RotateFile(dir_ + name, {.max_bytes = 1}, WallTime());
    EXPECT_TRUE(rotated && !*rotated) << name;
  }
}

TEST(LogOptionsOf, RefusesWhatItDoesNotUnderstand) {
  const WallTime now = *ParseTime("2026-01-01T00:00:00Z");
  struct Case {
    const char* query;
    std::string_view want;  // the reason
  } cases[] = {
      {"tailLines=0&limitBytes=1&sinceSeconds=1", ""},
      {"tailLines=9223372036854775807&limitBytes=9223372036854775807&sinceSeconds=9223372036854775807", ""},
      {"tailLines=-1", "Invalid"},
      {"limitBytes=0", "Invalid"},
      {"sinceSeconds=0", "Invalid"},
      {"sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z", "Invalid"},
      {"tailLines=9223372036854775808", "BadRequest"},
      {"tailLines=1e3", "BadRequest"},
      {"sinceTime=yesterday", "BadRequest"},
  };
  for (const Case& one : cases) {
    auto options = LogOptionsOf(one.query, now);
    EXPECT_EQ(options ? "" : ReasonName(options.error().reason()), one.want) << one.query;
  }
  EXPECT_LT(*LogOptionsOf("sinceSeconds=9223372036854775807", now)->since, now);
}

TEST_F(Logs, RotationKeepsTheNewest) {
  RotationPolicy policy{.max_bytes = 10, .max_files = 3};
  WallTime now = *ParseTime("2026-01-01T00:00:00Z");
  for (int i = 0; i < 5; ++i) {
    Append("0123456789\n");
    auto rotated = RotateFile(path_, policy, now + std::chrono::seconds(i));
    ASSERT_TRUE(rotated && *rotated);
  }
  EXPECT_EQ(*os::ListDir(dir_), (std::vector<std::string>{"0.log.20260101-000003", "0.log.20260101-000004"}));
  Append("short");
  EXPECT_FALSE(*RotateFile(path_, policy, now));
}

TEST_F(Logs, AreRemovedWithWhatWasRotated) {
  for (const char* name : {"/0.log", "/0.log.20260101-000003", "/1.log", "/10.log"}) {
    ASSERT_TRUE(os::AppendFile(dir_ + name, "x"));
  }
  ASSERT_TRUE(RemoveLogs(path_));
  EXPECT_EQ(*os::ListDir(dir_), (std::vector<std::string>{"1.log", "10.log"}));
  EXPECT_TRUE(RemoveLogs(path_));
  EXPECT_TRUE(RemoveLogs(dir_ + "/absent/0.log"));
}

TEST(ParseLogLine, Malformed) {
  for (const char* line : {"", "x", "2026 stdout", "2026 other F x", "2026 stdout "})
    EXPECT_FALSE(ParseLogLine(line)) << line;
  auto empty = ParseLogLine("2026 stdout F ");
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->text, "");
}

}  // namespace
}  // namespace sampan::node
