#include "api/meta/label_selector.h"

#include <gtest/gtest.h>

#include "api/types/meta.h"

namespace sampan::api {
namespace {

TEST(LabelSelector, Matches) {
  const StringMap labels{{"app", "web"}, {"env", "dev"}, {"n", "5"}, {"empty", ""}};
  struct Case {
    std::string_view text;
    bool matches;
  };
  for (const Case& c : {Case{"", true},
                        {"app", true},
                        {"!app", false},
                        {"!absent", true},
                        {"app=web", true},
                        {"app==web", true},
                        {"app = web , env=dev", true},
                        {"app=db", false},
                        {"app!=db", true},
                        {"absent!=x", true},
                        {"env in (dev,qa)", true},
                        {"env notin (dev)", false},
                        {"absent notin (dev)", true},
                        {"n>4", true},
                        {"n<5", false},
                        {"app>1", false},
                        {"empty=", true},
                        {"empty in (,x)", true},
                        {"in in (in)", false},
                        {"example.com/x,app", false}}) {
    auto selector = LabelSelector::Parse(c.text);
    ASSERT_TRUE(selector) << c.text;
    EXPECT_EQ(selector->Matches(labels), c.matches) << c.text;
    auto again = LabelSelector::Parse(selector->ToString());
    ASSERT_TRUE(again) << selector->ToString();
    EXPECT_EQ(*again, *selector) << c.text;
  }
}

TEST(LabelSelector, RefusesMalformed) {
  for (std::string_view text : {",", "a,", ",a", "a=b,,c", "a b", "!", "a in", "a in b", "a in (b", "a in (b c)", "a=(b)",
                                "-a=b", "a=-b", "a/b/c", "a>x", "a=b=c", "(a)", "a==!b", "!a=b"}) {
    EXPECT_FALSE(LabelSelector::Parse(text)) << text;
  }
  EXPECT_EQ(LabelSelector::Parse("a b").error().message(),
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
  EXPECT_EQ(LabelSelector::Parse("(").error().message(), "found '(', expected: !, identifier, or 'end of string'");
  EXPECT_EQ(LabelSelector::Parse("a in b").error().message(), "unable to parse requirement: found 'b' expected: '('");
  EXPECT_EQ(LabelSelector::Parse("a=b c").error().message(), "found 'c', expected: ',' or 'end of string'");
  EXPECT_EQ(LabelSelector::Parse("a=b,").error().message(), "found '', expected: identifier after ','");
}

TEST(LabelSelector, FromStruct) {
  meta::LabelSelector selector;
  EXPECT_TRUE(LabelSelector::From(selector)->IsEverything());
  selector.match_labels["app"] = "web";
  selector.match_expressions.push_back({.key = "env", .operator_ = "In", .values = {"qa", "dev"}});
  EXPECT_EQ(LabelSelector::From(selector)->ToString(), "app=web,env in (dev,qa)");
  selector.match_expressions[0].operator_ = "Exists";
  EXPECT_FALSE(LabelSelector::From(selector));
  selector.match_expressions[0] = {.key = "env", .operator_ = "Near"};
  EXPECT_EQ(LabelSelector::From(selector).error().message(), "\"Near\" is not a valid label selector operator");
}

TEST(LabelSelector, NothingMatchesNothing) {
  EXPECT_FALSE(LabelSelector::Nothing().Matches({}));
  EXPECT_FALSE(LabelSelector::Nothing().IsEverything());
  EXPECT_TRUE(LabelSelector::FromMap({{"a", "b"}}).Matches({{"a", "b"}, {"c", "d"}}));
}

}  // namespace
}  // namespace sampan::api
