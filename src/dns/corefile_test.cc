#include "dns/corefile.h"

#include <gtest/gtest.h>

namespace sampan::dns {
namespace {

// "a b: forward[. 10.0.0.1] hosts[]{10.0.0.3 x|}"
std::string Show(const std::vector<ServerBlock>& blocks) {
  std::string text;
  for (const ServerBlock& block : blocks) {
    text += fmt::format("{}:", fmt::join(block.keys, " "));
    for (const Directive& directive : block.directives) {
      text += fmt::format(" {}[{}]", directive.name, fmt::join(directive.args, " "));
      if (directive.body.empty()) continue;
      text += '{';
      for (const auto& line : directive.body) text += fmt::format("{}|", fmt::join(line, " "));
      text += '}';
    }
    text += '\n';
  }
  return text;
}

std::string Read(std::string_view text) {
  Result<std::vector<ServerBlock>> blocks = ParseCorefile(text);
  return blocks ? Show(*blocks) : "error: " + blocks.error().message();
}

struct Case {
  const char* name;
  const char* text;
  const char* expected;
};

class Corefile : public ::testing::TestWithParam<Case> {};

TEST_P(Corefile, IsRead) {
  EXPECT_EQ(Read(GetParam().text), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Corefile,
    ::testing::Values(
        Case{"Empty", "\n# nothing\n", ""},
        Case{"Usual", ".:53 {\n  errors # all\n  forward . 10.0.0.1 {\n    max_concurrent 1000\n  }\n}\n",
             ".:53: errors[] forward[. 10.0.0.1]{max_concurrent 1000|}\n"},
        Case{"SeveralZones", "a.org, b.org,\nc.org {\n}\nd.org{x} {\n}", "a.org b.org c.org:\nd.org{x}:\n"},
        Case{"Quotes", "a {\n  log \"a b \\\"c\\\" # {\" d\n}", "a: log[a b \"c\" # { d]\n"},
        Case{"Snippets", "(s) {\n  log\n  errors\n}\nimport /etc/*.server\na {\n  import s\n  import nowhere\n  ready\n}\n",
             "a: log[] errors[] ready[]\n"},
        Case{"DeepBraces", "a {\n  x {\n    y {\n      z\n    }\n  }\n  w\n}\n", "a: x[]{y {|z|}|} w[]\n"},
        Case{"NoBrace", "a.org\n", "error: line 1: '{' is missing after the zones"},
        Case{"NotClosed", "a {\n log\n", "error: the last block is not closed"},
        Case{"DirectiveNotClosed", "a {\n log {\n", "error: line 2: the block of log is not closed"},
        Case{"NoZones", "{\n}\n", "error: line 1: a block without zones"},
        Case{"BraceAlone", "a {\n {\n }\n}\n", "error: line 2: a brace without a directive"},
        Case{"TooManyClosed", "a {\n}\n}\n", "error: line 3: '{' is missing after the zones"}),
    [](const auto& info) { return info.param.name; });

TEST(CorefileDirectives, StandAlone) {
  Result<std::vector<Directive>> directives = ParseDirectives("forward . 10.0.0.1\nhosts {\n 10.0.0.3 x\n}\n");
  ASSERT_TRUE(directives);
  EXPECT_EQ(Show({{{"."}, *directives}}), ".: forward[. 10.0.0.1] hosts[]{10.0.0.3 x|}\n");
  EXPECT_FALSE(ParseDirectives("log\n}\n"));
}

TEST(CorefileDirectives, SnippetsThatMultiplyAreRefused) {
  std::string text = "(a) {\n x\n x\n}\n";
  for (int i = 0; i < 20; ++i) {
    text += fmt::format("({1}) {{\n import {0}\n import {0}\n}}\n", static_cast<char>('a' + i), static_cast<char>('b' + i));
  }
  EXPECT_FALSE(ParseCorefile(text));
}

}  // namespace
}  // namespace sampan::dns
