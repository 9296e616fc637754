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
  for (const Case& c : cases) EXPECT_EQ(Pretty(c.compact), c.readable) << c.compact;
}

}  // namespace
}  // namespace sampan::apiserver
