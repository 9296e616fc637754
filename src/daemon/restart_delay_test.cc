#include "daemon/restart_delay.h"

#include <gtest/gtest.h>

namespace sampan::daemon {
namespace {

using namespace std::chrono_literals;

TEST(RestartDelay, GrowsWithQuickDeathsOnly) {
  struct Row {
    Duration lived, pause;
  };
  RestartDelay delay;
  for (const Row& row : {Row{1h, 100ms}, Row{0s, 200ms}, Row{1s, 400ms}, Row{0s, 800ms}, Row{2s, 100ms}, Row{0s, 200ms}}) {
    EXPECT_EQ(delay.Next(row.lived), row.pause) << FormatDuration(row.lived);
  }
}

TEST(RestartDelay, BeginsSmallAndEndsAtTenSeconds) {
  RestartDelay delay;
  EXPECT_EQ(delay.Next(0s), 100ms);
  for (int i = 0; i < 20; ++i) (void)delay.Next(0s);
  EXPECT_EQ(delay.Next(0s), 10s);
}

}  // namespace
}  // namespace sampan::daemon
