#include "api/meta/field_selector.h"

#include <gtest/gtest.h>

namespace sampan::api {
namespace {

ObjectPtr PodObject() {
  return *Object::FromBytes(
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"d"},"spec":{"nodeName":"n1"},"status":{"phase":"Running"}})");
}

TEST(FieldSelector, Matches) {
  const KindInfo& pod = *FindKind("v1", "Pod");
  struct Case {
    std::string_view text;
    bool matches;
  };
  for (const Case& c : {Case{"", true},
                        {"metadata.name=a", true},
                        {"metadata.name==b", false},
                        {"metadata.namespace!=d", false},
                        {"status.phase=Running,spec.nodeName=n1", true},
                        {"status.phase!=Running", false},
                        {"spec.hostNetwork=false", true},
                        {"status.podIP=", true},
                        {"spec.nodeName=", false}}) {
    auto selector = FieldSelector::Parse(c.text);
    ASSERT_TRUE(selector) << c.text;
    ASSERT_TRUE(selector->CheckSupported(pod)) << c.text;
    EXPECT_EQ(selector->Matches(pod, *PodObject()), c.matches) << c.text;
  }
}

TEST(FieldSelector, EscapesAndFaults) {
  auto selector = FieldSelector::Parse(R"(metadata.name=a\,b\=c)");
  ASSERT_TRUE(selector);
  EXPECT_EQ(selector->requirements()[0].value, "a,b=c");
  EXPECT_EQ(selector->ToString(), R"(metadata.name=a\,b\=c)");
  EXPECT_EQ(FieldSelector::Parse("metadata.name").error().message(),
            "invalid selector: 'metadata.name'; can't understand 'metadata.name'");
  EXPECT_FALSE(FieldSelector::Parse("a=b=c"));
  EXPECT_FALSE(FieldSelector::Parse("a=\\x"));
  EXPECT_FALSE(FieldSelector::Parse("metadata.name=a\\")) << "an escape of nothing is no reason to select everything";
}

TEST(FieldSelector, RefusesUnsupportedPaths) {
  EXPECT_EQ(FieldSelector::Parse("spec.foo=x")->CheckSupported(*FindKind("v1", "Pod")).error().message(),
            "field label not supported: spec.foo");
  EXPECT_EQ(FieldSelector::Parse("spec.foo=x")->CheckSupported(*FindKind("v1", "ConfigMap")).error().message(),
            "\"spec.foo\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
}

TEST(FieldSelector, EventSourceFallsBackToTheReportingComponent) {
  const KindInfo& event = *FindKind("v1", "Event");
  auto old_style = *Object::FromBytes(R"({"metadata":{"name":"e"},"source":{"component":"kubelet"}})");
  auto new_style = *Object::FromBytes(R"({"metadata":{"name":"e"},"reportingComponent":"scheduler"})");
  EXPECT_EQ(SelectableValue(event, *old_style, "source"), "kubelet");
  EXPECT_EQ(SelectableValue(event, *new_style, "source"), "scheduler");
}

}  // namespace
}  // namespace sampan::api
