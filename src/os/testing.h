// What the tests of this module share: a directory of their own, and reasons to skip what the machine does not allow.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "os/file.h"
#include "os/mount.h"
#include "os/netns.h"
#include "os/proc.h"

namespace sampan::os {

constexpr int kCapNetAdmin = 12;
constexpr int kCapSysAdmin = 21;

#define SKIP_WITHOUT(capability, purpose)                                         \
  if (::geteuid() != 0 || !::sampan::os::HasCapability(::sampan::os::capability)) \
  GTEST_SKIP() << purpose " needs root with " #capability

// A fresh directory, removed at the end with what is mounted below it.
class TempDir {
 public:
  TempDir() : path_(fmt::format("{}/sampan-os-{}-{}", ::testing::TempDir(), ::getpid(), Counter()++)) {
    EXPECT_TRUE(RemoveAll(path_).has_value());
    EXPECT_TRUE(MakeDirs(path_, 0700).has_value());
  }
  ~TempDir() {
    (void)UnmountAll(path_);
    (void)RemoveAll(path_);
  }
  TempDir(const TempDir&) = delete;
  std::string operator/(std::string_view name) const { return JoinPath(path_, name); }
  const std::string& path() const { return path_; }

 private:
  static int& Counter() {
    static int counter = 0;
    return counter;
  }
  std::string path_;
};

// A network namespace of its own, removed at the end.
class TempNetns {
 public:
  explicit TempNetns(std::string_view name) : path_(fmt::format("/run/netns/sampan-test-{}-{}", ::getpid(), name)) {
    (void)DeleteNetns(path_);
    Result<void> made = CreateNetns(path_);
    EXPECT_TRUE(made.has_value()) << made.error().message();
  }
  ~TempNetns() { (void)DeleteNetns(path_); }
  TempNetns(const TempNetns&) = delete;
  const std::string& path() const { return path_; }
  // For expectations: runs inside, reports an error as a failure.
  void Run(const std::function<Result<void>()>& work) const {
    Result<void> result = InNetns(path_, work);
    EXPECT_TRUE(result.has_value()) << result.error().message();
  }

 private:
  std::string path_;
};

#define ASSERT_OK(expression)                                            \
  do {                                                                   \
    auto assert_ok_result = (expression);                                \
    ASSERT_TRUE(assert_ok_result) << assert_ok_result.error().message(); \
  } while (false)
#define EXPECT_OK(expression)                                            \
  do {                                                                   \
    auto expect_ok_result = (expression);                                \
    EXPECT_TRUE(expect_ok_result) << expect_ok_result.error().message(); \
  } while (false)

}  // namespace sampan::os
