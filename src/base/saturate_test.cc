#include "base/saturate.h"

#include <gtest/gtest.h>

namespace sampan {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

TEST(Saturate, TheNearestThatFits) {
  EXPECT_EQ(SaturatedSeconds(30), std::chrono::seconds(30));
  EXPECT_GT(SaturatedSeconds(kMax), std::chrono::hours(24 * 365 * 290));
  EXPECT_LT(SaturatedSeconds(kMin), -std::chrono::hours(24 * 365 * 290));
  EXPECT_EQ(SaturatedSum(int64_t{1}, int64_t{2}), 3);
  EXPECT_EQ(SaturatedSum(kMax, int64_t{1}), kMax);
  EXPECT_EQ(SaturatedSum(kMin, int64_t{-1}), kMin);
  const WallTime now{std::chrono::seconds(1'800'000'000)};
  EXPECT_EQ(SaturatedSum(now, std::chrono::seconds(1)) - now, std::chrono::seconds(1));
  EXPECT_EQ(SaturatedSum(now, SaturatedSeconds(kMax)), WallTime::max());
  EXPECT_EQ(SaturatedDifference(SaturatedSum(now, std::chrono::seconds(5)), now), std::chrono::seconds(5));
  EXPECT_EQ(SaturatedDifference(now, WallTime::min()), Duration::max());
  EXPECT_EQ(SaturatedDifference(WallTime::min(), now), Duration::min());
  EXPECT_EQ(Saturated32(int64_t{1} << 40), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(Saturated32(-5), -5);
}

}  // namespace
}  // namespace sampan
