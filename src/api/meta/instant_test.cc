#include "api/meta/instant.h"

#include <gtest/gtest.h>

namespace sampan::api {
namespace {

TEST(Instant, AnyYear) {
  struct Case {
    std::string_view text;
    int64_t seconds, nanoseconds;
    std::string_view micro;
  };
  const Case cases[] = {
      {"1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00.000000Z"},
      {"1969-12-31T23:59:59.5Z", -1, 500000000, "1969-12-31T23:59:59.500000Z"},
      {"0001-01-01T00:00:02Z", -62135596798, 0, "0001-01-01T00:00:02.000000Z"},
      {"9999-12-31T23:59:59.999999Z", 253402300799, 999999000, "9999-12-31T23:59:59.999999Z"},
      {"2026-02-28T01:00:00+01:00", 1772236800, 0, "2026-02-28T00:00:00.000000Z"},
      {"1600-02-29T12:00:00Z", -11670955200, 0, "1600-02-29T12:00:00.000000Z"},
  };
  for (const Case& one : cases) {
    auto instant = ParseInstant(one.text);
    ASSERT_TRUE(instant) << one.text;
    EXPECT_EQ(instant->seconds, one.seconds) << one.text;
    EXPECT_EQ(instant->nanoseconds, one.nanoseconds) << one.text;
    EXPECT_EQ(FormatInstant(*instant, Precision::kMicroseconds), one.micro);
    EXPECT_EQ(FormatInstant(*instant, Precision::kSeconds), std::string(one.micro.substr(0, 19)) + "Z");
  }
  for (std::string_view bad : {"", "1", "20260101T00:00:00Z", "2026-02-30T00:00:00Z", "abcd-01-01T00:00:00Z",
                               "1900-02-29T00:00:00Z", "0000-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"}) {
    EXPECT_FALSE(ParseInstant(bad)) << bad;
  }
}

}  // namespace
}  // namespace sampan::api
