#include "codec/json_check.h"

#include <gtest/gtest.h>

#include "codec/json.h"

namespace sampan::json {
namespace {

constexpr size_t kDepth = 4;

const char* const kGood[] = {"{}",
                             "[]",
                             "null",
                             " true ",
                             "-0.5e+3",
                             R"("")",
                             R"({"a":[1,2,{"b":"c"}],"d":null})",
                             R"("\u00e9\ud83d\ude00\n\\")",
                             "\"h\xC3\xA9llo, more than eight bytes\"",
                             "[[[[1]]]]",
                             R"({"a":{},"b":[],"c":[{}]})",
                             "123456789012345678901234567890"};

const std::string kBad[] = {"",
                            "{",
                            "[1",
                            "[1,]",
                            "{\"a\":1,}",
                            "{a:1}",
                            "{\"a\" 1}",
                            "{} {}",
                            "nul",
                            "01",
                            "1.",
                            "1e",
                            "-",
                            "1e999",
                            "0E0111111111111111111111111111111117",
                            "+1",
                            "\"a",
                            "\"\\x\"",
                            "\"\\u12\"",
                            "\"\\ud800\"",
                            "\"\\udc00\"",
                            "\"\\ud800\\u0041\"",
                            "\"a\nb\"",
                            std::string("\"\0\"", 3),
                            "\"\xFF\"",
                            "\"\xC3\"",
                            "\"12345678\xED\xA0\x80\"",
                            "{\"\xFF\":1}",
                            "[[[[[1]]]]]",
                            "[}",
                            "{]",
                            "[1 2]"};

TEST(CheckText, TakesWhatParsesAndNothingElse) {
  for (const char* text : kGood) {
    EXPECT_TRUE(CheckText(text, kDepth)) << text;
    EXPECT_TRUE(Parse(text, {.max_depth = kDepth})) << text;
  }
  for (const std::string& text : kBad) {
    EXPECT_FALSE(CheckText(text, kDepth)) << text;
    EXPECT_FALSE(Parse(text, {.max_depth = kDepth})) << text;
  }
}

TEST(CheckText, TakesAnyDepthWithoutRecursion) {
  std::string deep(3'000'000, '[');
  EXPECT_FALSE(CheckText(deep, 500));
  EXPECT_FALSE(CheckText(deep, SIZE_MAX));
  deep.append(deep.size(), ']');
  EXPECT_TRUE(CheckText(deep, SIZE_MAX));
}

}  // namespace
}  // namespace sampan::json
