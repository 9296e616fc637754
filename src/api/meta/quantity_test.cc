#include "api/meta/quantity.h"

#include <gtest/gtest.h>

namespace sampan::api {
namespace {

std::string Canonical(std::string_view text) {
  auto quantity = Quantity::Parse(text);
  return quantity ? quantity->ToString() : "error";
}

TEST(Quantity, CanonicalForm) {
  struct Case {
    std::string_view text, canonical;
  };
  for (const Case& c : {Case{"0", "0"},
                        {"0.5", "500m"},
                        {"500m", "500m"},
                        {"1000m", "1"},
                        {"1.5", "1500m"},
                        {"100", "100"},
                        {"1000", "1k"},
                        {"1024", "1024"},
                        {"128Mi", "128Mi"},
                        {"1024Mi", "1Gi"},
                        {"1.5Gi", "1536Mi"},
                        {"0.5Ki", "512"},
                        {"0.5Mi", "512Ki"},
                        {"62.5Ki", "64k"},
                        {"1.5Ki", "1536"},
                        {"1e3", "1e3"},
                        {"1E", "1E"},
                        {"1E3", "1e3"},
                        {"12e6", "12e6"},
                        {"1e-3", "1e-3"},
                        {"100n", "100n"},
                        {"0.1n", "1n"},
                        {"1.1n", "2n"},
                        {"-1.5", "-1500m"},
                        {"+2k", "2k"},
                        {".5", "500m"},
                        {"5.", "5"},
                        {"1Ei", "1Ei"},
                        {"16Ei", "9223372036854775807"},
                        {"9223372036854775808", "9223372036854775807"},
                        {"99999999999999999999999999999999", "9223372036854775807"},
                        {"0.000000000000000000000000000000000001", "1n"},
                        {"00100", "100"},
                        {"0.1Ki", "102400m"},
                        {"1000000", "1M"},
                        {"1000Ki", "1000Ki"},
                        {"0Ki", "0"},
                        {"123456789012345678", "123456789012345678"}}) {
    EXPECT_EQ(Canonical(c.text), c.canonical) << c.text;
    EXPECT_EQ(Canonical(c.canonical), c.canonical) << c.text;
  }
}

TEST(Quantity, RefusesMalformed) {
  for (std::string_view text :
       {"", "-", ".", "1.2.3", "1x", "1KI", "1 k", " 1", "1e", "1e+", "ki", "1mi", "--1", "1K", "e3", "1\n"}) {
    auto quantity = Quantity::Parse(text);
    ASSERT_FALSE(quantity) << text;
    EXPECT_EQ(quantity.error().message(),
              "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  }
}

TEST(Quantity, ValuesRoundUp) {
  EXPECT_EQ(Quantity::Parse("1500m")->Value(), 2);
  EXPECT_EQ(Quantity::Parse("1500m")->MilliValue(), 1500);
  EXPECT_EQ(Quantity::Parse("1u")->MilliValue(), 1);
  EXPECT_EQ(Quantity::Parse("128Mi")->Value(), 134217728);
  EXPECT_EQ(Quantity::Parse("9223372036854775807")->Value(), INT64_MAX);
  EXPECT_EQ(Quantity::Parse("9223372036854775807")->MilliValue(), INT64_MAX);
  EXPECT_DOUBLE_EQ(Quantity::Parse("250m")->ToDouble(), 0.25);
}

TEST(Quantity, Arithmetic) {
  Quantity sum = *Quantity::Parse("100m") + *Quantity::Parse("0.9");
  EXPECT_EQ(sum.ToString(), "1");
  EXPECT_EQ((*Quantity::Parse("1Gi") - *Quantity::Parse("512Mi")).ToString(), "512Mi");
  EXPECT_EQ((Quantity() + *Quantity::Parse("1Gi")).ToString(), "1Gi");
  EXPECT_EQ((Quantity::Of(1) - Quantity::Of(3)).ToString(), "-2");
  EXPECT_LT(*Quantity::Parse("999m"), Quantity::Of(1));
  EXPECT_EQ(*Quantity::Parse("1000m"), Quantity::Of(1));
  EXPECT_LT(Quantity::OfMilli(-1500), Quantity::OfMilli(-1400));
  EXPECT_EQ((Quantity::Of(INT64_MAX) + Quantity::Of(INT64_MAX)).Value(), INT64_MAX);
}

}  // namespace
}  // namespace sampan::api
