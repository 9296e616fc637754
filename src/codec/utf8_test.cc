#include "codec/utf8.h"

#include <gtest/gtest.h>

namespace sampan::utf8 {
namespace {

struct Case {
  std::string text;
  std::string repaired;  // the same: it is well-formed
};

const Case kCases[] = {
    {"", ""},
    {"plain text that is longer than eight bytes", "plain text that is longer than eight bytes"},
    {"h\xC3\xA9, \xE4\xB8\xAD, \xF0\x9F\x98\x80", "h\xC3\xA9, \xE4\xB8\xAD, \xF0\x9F\x98\x80"},
    {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
    {"\xFF", "\xEF\xBF\xBD"},
    {"12345678\xFFx", "12345678\xEF\xBF\xBDx"},
    {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},                                  // overlong
    {"\xE0\x80\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},                  // overlong
    {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},                  // a surrogate
    {"\xF5\x80\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // above U+10FFFF
    {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"a\x80z", "a\xEF\xBF\xBDz"},
    {"\xC3", "\xEF\xBF\xBD"},
    {"\xE4\xB8", "\xEF\xBF\xBD"},  // cut inside a character
    {"\xF0\x9F\x98!", "\xEF\xBF\xBD!"},
};

TEST(Utf8, IsValidAndRepaired) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(testing::PrintToString(c.text));
    EXPECT_EQ(IsValid(c.text), c.text == c.repaired);
    EXPECT_EQ(Repaired(c.text), c.repaired);
    EXPECT_TRUE(IsValid(Repaired(c.text)));
  }
}

TEST(Utf8, TakeAndAppendGiveTheTextBack) {
  for (const Case& c : kCases) {
    std::string out;
    for (std::string_view rest = c.text; !rest.empty();) Append(Take(rest), out);
    EXPECT_EQ(out, c.repaired);
  }
}

TEST(Utf8, IsPrintable) {
  for (char32_t yes : {U' ', U'a', U'~', U'\u00A1', U'\u00E9', U'\u4E2D', U'\uFFFD', U'\U0001F600'}) {
    EXPECT_TRUE(IsPrintable(yes)) << uint32_t{yes};
  }
  for (char32_t no : {U'\0', U'\n', U'\x7F', U'\u0085', U'\u00A0', U'\u00AD', U'\u200B', U'\u2028', U'\u202E', U'\u3000',
                      U'\uE000', U'\uFEFF', U'\uFFFE', U'\U0010FFFF'}) {
    EXPECT_FALSE(IsPrintable(no)) << uint32_t{no};
  }
}

TEST(Utf8, RepairedIsCutBetweenTwoCharacters) {
  struct Case {
    const char* name;
    std::string_view text;
    size_t max;
    std::string_view head, tail;
  } cases[] = {
      {"empty", "", 10, "", ""},
      {"ascii with NUL and escapes", std::string_view("a\0\x1b[31m", 7), 10, std::string_view("a\0\x1b[31m", 7),
       std::string_view("a\0\x1b[31m", 7)},
      {"wrong bytes, one replacement each",
       "a\xff\xfe"
       "b",
       20, "a\uFFFD\uFFFDb", "a\uFFFD\uFFFDb"},
      {"a cut character", "a\xc3", 20, "a\uFFFD", "a\uFFFD"},
      {"a surrogate", "\xed\xa0\x80", 20, "\uFFFD\uFFFD\uFFFD", "\uFFFD\uFFFD\uFFFD"},
      {"an overlong slash", "\xc0\xaf", 20, "\uFFFD\uFFFD", "\uFFFD\uFFFD"},
      {"beyond the last", "\xf4\x90\x80\x80", 20, "\uFFFD\uFFFD\uFFFD\uFFFD", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"cut within two bytes", "aéé", 4, "aé", "éé"},
      {"cut within four bytes", "😀😀", 7, "😀", "😀"},
      {"cut within a replacement", "\xff\xff", 5, "\uFFFD", "\uFFFD"},
      {"no room", "é", 0, "", ""},
      {"the end of a longer text", "\xa9\xa9 end", 20, "\uFFFD\uFFFD end", " end"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Repaired(c.text, c.max), c.head) << c.name;
    EXPECT_EQ(RepairedTail(c.text, c.max), c.tail) << c.name;
  }
}

}  // namespace
}  // namespace sampan::utf8
