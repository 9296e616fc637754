#include "codec/json.h"

#include <gtest/gtest.h>

#include "codec/json_cursor.h"

namespace sampan::json {
namespace {

std::string ParseError(std::string_view text, ParseOptions options = {}) {
  auto value = Parse(text, options);
  return value ? "ok" : value.error().message();
}

TEST(JsonParse, KeepsIntegersAndTheOrderOfKeys) {
  auto value = Parse(R"({"b":9223372036854775807,"a":[1,2.5,-3e2,true,null,"x\ny\u00e9"]})");
  ASSERT_TRUE(value);
  EXPECT_EQ(Serialize(*value), "{\"b\":9223372036854775807,\"a\":[1,2.5,-300,true,null,\"x\\ny\u00e9\"]}");
}

TEST(JsonParse, NamesTheFault) {
  struct Case {
    std::string_view text, message;
  };
  for (const Case& c : {Case{"", "unexpected end of JSON input"},
                        {"{\"a\":", "unexpected end of JSON input"},
                        {"{\"a\":}", "invalid character '}' looking for beginning of value at offset 5"},
                        {"{a:1}", "invalid character 'a' looking for beginning of object key string at offset 1"},
                        {"{\"a\" 1}", "invalid character '1' after object key at offset 5"},
                        {"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair at offset 7"},
                        {"[1 2]", "invalid character '2' after array element at offset 3"},
                        {"{} x", "invalid character 'x' after top-level value at offset 3"},
                        {"[1,]", "invalid character ']' looking for beginning of value at offset 3"}}) {
    EXPECT_EQ(ParseError(c.text), c.message) << c.text;
  }
}

TEST(JsonParse, RefusesWhatIsNotJson) {
  for (std::string_view text : {"NaN", "Infinity", "01", "+1", "'a'", "// c\n1", "{\"a\":1,}", "\"\x01\"", "\"\xff\"",
                                "\"\xc3\"", "\"\\ud800\"", "\"\\x41\"", "nul", "[1", "tru", "\"\xed\xa0\x80\""}) {
    EXPECT_NE(ParseError(text), "ok") << text;
  }
}

TEST(JsonParse, BoundsDepthAndSize) {
  std::string deep(10'000, '[');
  EXPECT_EQ(ParseError(deep), "exceeded max depth");
  std::string allowed = std::string(400, '[') + std::string(400, ']');
  EXPECT_EQ(ParseError(allowed), "ok");
  ParseOptions small;
  small.max_bytes = 4;
  auto value = Parse("[1,2,3]", small);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().reason(), Reason::kRequestEntityTooLarge);
}

TEST(JsonParse, ReportsDuplicatesByPathAndKeepsTheLast) {
  std::vector<std::string> duplicates;
  ParseOptions options;
  options.duplicates = &duplicates;
  auto value = Parse(R"({"a":1,"a":2,"s":{"c":[{"n":1},{"n":1,"n":2,"n":3}]}})", options);
  ASSERT_TRUE(value);
  EXPECT_EQ(duplicates, (std::vector<std::string>{"s.c[1].n", "a"}));
  EXPECT_EQ(Serialize(*value), R"({"a":2,"s":{"c":[{"n":1},{"n":3}]}})");
}

TEST(JsonSerialize, EscapesOnlyWhatItMust) {
  EXPECT_EQ(Serialize(Value("<a>&\"\\\n\t\x01")), R"("<a>&\"\\\n\t\u0001")");
  EXPECT_EQ(Serialize(Value(1.0)), "1");
  EXPECT_EQ(Serialize(Value(0.1)), "0.1");
  EXPECT_EQ(Serialize(Value(1e21)), "1e+21");
  EXPECT_EQ(Serialize(Value(-0.0)), "0");
  EXPECT_EQ(Serialize(*Parse("59999999999999999999999999999999999999")), "6e+37");
}

TEST(JsonEqual, IgnoresKeyOrderAndNumberTypes) {
  EXPECT_TRUE(Equal(*Parse(R"({"a":1,"b":[2]})"), *Parse(R"({"b":[2.0],"a":1})")));
  EXPECT_FALSE(Equal(*Parse(R"({"a":1})"), *Parse(R"({"a":1,"b":null})")));
  EXPECT_FALSE(Equal(*Parse("[1,2]"), *Parse("[2,1]")));
  EXPECT_FALSE(Equal(Value(-1), Value(uint64_t{0xffffffffffffffff})));
}

TEST(JsonFind, ToleratesAbsentSteps) {
  Value value = *Parse(R"({"spec":{"name":"x"}})");
  EXPECT_EQ(FindString(Find(value, "spec", "name")), "x");
  EXPECT_EQ(Find(value, "status", "name"), nullptr);
  EXPECT_EQ(Find(value, "spec", "name", "deeper"), nullptr);
  EXPECT_EQ(FindString(nullptr, "fallback"), "fallback");
}

TEST(Cursor, ReadsEscapesAndSkips) {
  Cursor cursor(R"( {"a" : "x\u00e9\ud83d\ude00\"" , "skip":{"b":["]}",{}]},"n":-12,"t":true} )");
  std::string text, number;
  bool flag = false;
  EXPECT_TRUE(cursor.Object([&](std::string_view key) {
    std::string scratch;
    if (key == "a") {
      text = cursor.String(scratch);
    } else if (key == "n") {
      number = cursor.Number();
    } else if (key == "t") {
      flag = cursor.Bool();
    } else {
      EXPECT_EQ(cursor.Skip(), R"({"b":["]}",{}]})");
    }
    return true;
  }));
  EXPECT_EQ(text, "x\u00e9\U0001f600\"");
  EXPECT_EQ(number, "-12");
  EXPECT_TRUE(flag);
}

TEST(Cursor, FailsWithinTheTextWhenMalformed) {
  for (std::string_view text :
       {"{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":[", "{\"a\":1", "{\"a\":1,", "{\"a\":}", "{1:2}"}) {
    Cursor cursor(text);
    EXPECT_FALSE(cursor.Object([&](std::string_view) {
      cursor.Skip();
      return true;
    })) << text;
    EXPECT_TRUE(cursor.failed()) << text;
  }
}

}  // namespace
}  // namespace sampan::json
