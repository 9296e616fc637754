#include "apiserver/http/pretty.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {
namespace {

TEST(Pretty, PutsEachMemberOnItsLine) {
  struct Case {
    std::string_view compact, readable;
  };
  const Case cases[] = {
      {R"({"a":1,"b":[true,null]})", "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ]\n}"},
      {R"({"a":{},"b":[]})", "{\n  \"a\": {},\n  \"b\": []\n}"},
      {R"({"a":"x{,:\"}\\"})", "{\n  \"a\": \"x{,:\\\"}\\\\\"\n}"},
      {"\"text\"", "\"text\""},
      {"{ \"a\" : 1 }\n", "{\n  \"a\": 1\n}"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Pretty(c.compact), c.readable) << c.compact;
    // In parts that end where strings do not stand.
    std::string parts;
    Prettifier prettifier;
    size_t begin = 0;
    bool inside = false;
    for (size_t i = 0; i < c.compact.size(); ++i) {
      if (c.compact[i] == '"' && (i == 0 || c.compact[i - 1] != '\\' || c.compact.substr(i - 2, 2) == "\\\\"))
        inside = !inside;
      if (inside) continue;
      prettifier.Append(c.compact.substr(begin, i + 1 - begin), parts);
      begin = i + 1;
    }
    EXPECT_EQ(parts, c.readable) << c.compact;
  }
}

}  // namespace
}  // namespace sampan::apiserver
