#include "apiserver/proxy/links.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {
namespace {

struct Case {
  const char* name;
  const char* page;
  const char* expected;
};

class Links : public ::testing::TestWithParam<Case> {};

TEST_P(Links, StayBehindThePath) {
  LinkRewriter whole("/p");
  std::string text = whole.Feed(GetParam().page);
  EXPECT_EQ(text + whole.Finish(), GetParam().expected);
  LinkRewriter slow("/p");
  text.clear();
  for (const char* c = GetParam().page; *c != 0; ++c) text += slow.Feed(std::string_view(c, 1));
  EXPECT_EQ(text + slow.Finish(), GetParam().expected) << "byte by byte";
}

INSTANTIATE_TEST_SUITE_P(
    Pages, Links,
    ::testing::Values(
        Case{"FromTheRoot", "<a href=\"/x?a=/b\">t</a>", "<a href=\"/p/x?a=/b\">t</a>"},
        Case{"Relative", "<a href=\"x\">t</a><a href='#y'>", "<a href=\"x\">t</a><a href='#y'>"},
        Case{"OtherHosts", "<a href=\"//h/x\"><a href=\"http://h/x\">", "<a href=\"//h/x\"><a href=\"http://h/x\">"},
        Case{"OtherAttributes", "<img alt=\"/x\" SRC='/y'/>", "<img alt=\"/x\" SRC='/p/y'/>"},
        Case{"Unquoted", "<form method=post action=/do><br/>", "<form method=post action=/p/do><br/>"},
        Case{"Text", "1 < 2 > /x \"/y\"", "1 < 2 > /x \"/y\""},
        Case{"Comment", "<!-- <a href=\"/x\"> --><a href=\"/x\">", "<!-- <a href=\"/x\"> --><a href=\"/p/x\">"},
        Case{"Script", "<script src=\"/s.js\">a = '<a href=\"/x\">';</SCRIPT><a href=\"/x\">",
             "<script src=\"/p/s.js\">a = '<a href=\"/x\">';</SCRIPT><a href=\"/p/x\">"},
        Case{"GreaterWithinQuotes", "<a title=\"a>b\" href=\"/x\">", "<a title=\"a>b\" href=\"/p/x\">"},
        Case{"BreaksOff", "<a href=\"/x", "<a href=\"/x"}),
    [](const auto& info) { return info.param.name; });

TEST(Links, AnEndlessTagIsNotKept) {
  LinkRewriter rewriter("/p");
  std::string page = "<a " + std::string(100'000, 'x');
  EXPECT_EQ(rewriter.Feed(page), page);
}

}  // namespace
}  // namespace sampan::apiserver
