#include <gtest/gtest.h>

#include "base/error.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/time.h"

namespace sampan {
namespace {

using namespace std::chrono_literals;

TEST(Time, FormatsAndParsesRfc3339) {
  auto time = ParseTime("2026-02-03T04:05:06.789012Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(FormatTime(*time), "2026-02-03T04:05:06Z");
  EXPECT_EQ(FormatMicroTime(*time), "2026-02-03T04:05:06.789012Z");
  EXPECT_EQ(FormatTime(*ParseTime("2026-02-03T04:05:06+02:00")), "2026-02-03T02:05:06Z");
  for (std::string_view text :
       {"1969-12-31T23:59:59.000001Z", "1678-01-01T00:00:00.500000Z", "2000-02-29T12:30:59.999999Z"}) {
    EXPECT_EQ(FormatMicroTime(*ParseTime(text)), text);
  }
  EXPECT_EQ(FormatMicroTime(WallTime::min()), "1677-09-21T00:12:43.145224Z");
  EXPECT_EQ(FormatTime(WallTime::max()), "2262-04-11T23:47:16Z");
  for (const char* bad : {"", "2026-02-30T00:00:00Z", "2026-02-03 04:05:06Z", "2026-02-03T04:05:06", "2026-02-03T24:05:06Z",
                          "9999-01-01T00:00:00Z"}) {
    EXPECT_FALSE(ParseTime(bad)) << bad;
  }
}

TEST(Time, ReadsAndWritesGoDurations) {
  EXPECT_EQ(ParseDuration("1h30m"), Duration(90min));
  EXPECT_EQ(ParseDuration("1.5s"), Duration(1500ms));
  EXPECT_EQ(ParseDuration("0"), Duration(0));
  EXPECT_EQ(ParseDuration("10"), std::nullopt);
  EXPECT_EQ(ParseDuration(""), std::nullopt);
  EXPECT_EQ(FormatDuration(90min), "1h30m0s");
  EXPECT_EQ(FormatDuration(250ms), "250ms");
  EXPECT_EQ(FormatDuration(1h + 22us), "1h0m0.000022s");
  EXPECT_EQ(FormatDuration(999'999ns), "999.999\u00b5s");
  EXPECT_EQ(ParseDuration("0.9999999999s"), Duration(999'999'999));
  EXPECT_EQ(ParseDuration(".5h1.05m"), Duration(31min + 3s));
  EXPECT_EQ(ParseDuration("9223372036854775807ns"), Duration::max());
  EXPECT_EQ(ParseDuration("-9223372036854775808ns"), Duration::min());
  EXPECT_EQ(FormatDuration(Duration::min()), "-2562047h47m16.854775808s");
  for (std::string_view text :
       {"9223372036854775808ns", "-9223372036854775809ns", "2562048h", "99999999999999999999s", ".s", "1.x"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(Log, ALineShowsNoControlCharacters) {
  testing::internal::CaptureStderr();
  log::Write(log::Level::kError, "test", "a\nb\rc\x1b[2J\x7f\td");
  std::string line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find("E test a\\nb\\x0dc\\x1b[2J\\x7f\td\n"), std::string::npos) << line;
}

TEST(Rng, UuidsAndSuffixesHaveTheirShape) {
  auto rng = NewSeededRng(1);
  std::string uuid = rng->Uuid();
  ASSERT_EQ(uuid.size(), 36u);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_EQ(rng->NameSuffix(5).size(), 5u);
  EXPECT_EQ(rng->NameSuffix(200).find_first_of("aeiou013"), std::string::npos);
}

TEST(Error, ReasonsMapToStatusesBothWays) {
  EXPECT_EQ(HttpStatusOf(Reason::kInvalid), 422);
  EXPECT_EQ(ReasonFromStatus("Expired", 410), Reason::kExpired);
  EXPECT_EQ(ReasonFromStatus("", 404), Reason::kNotFound);
  EXPECT_EQ(Error::Conflict("a {}", 1).Annotate("b").message(), "b: a 1");
}

}  // namespace
}  // namespace sampan
