#include "api/apply/field_set.h"

#include <gtest/gtest.h>

#include "api/schema.h"

namespace sampan::api {
namespace {

json::Value J(std::string_view text) {
  return boost::json::parse(text);
}
FieldSet Set(std::string_view text) {
  return *FieldSet::FromFieldsV1(J(text));
}
std::string Text(const FieldSet& set) {
  return json::Serialize(set.ToFieldsV1());
}

TEST(FieldSet, RoundTrip) {
  for (const char* text : {R"({})", R"({"f:a":{}})", R"({"f:a":{".":{},"f:b":{}}})",
                           R"({"f:c":{"k:{\"name\":\"x\"}":{".":{},"f:i":{}}},"f:f":{"v:\"q\"":{}}})"}) {
    EXPECT_EQ(Text(Set(text)), text);
  }
  EXPECT_FALSE(FieldSet::FromFieldsV1(J("[]")));
  EXPECT_FALSE(FieldSet::FromFieldsV1(J(R"({"zap":{}})")));
}

TEST(FieldSet, Algebra) {
  FieldSet a = Set(R"({"f:a":{},"f:b":{".":{},"f:x":{},"f:y":{}}})");
  FieldSet b = Set(R"({"f:b":{".":{},"f:y":{}},"f:c":{}})");
  EXPECT_EQ(Text(UnionOf(a, b)), R"({"f:a":{},"f:b":{".":{},"f:x":{},"f:y":{}},"f:c":{}})");
  EXPECT_EQ(Text(IntersectionOf(a, b)), R"({"f:b":{".":{},"f:y":{}}})");
  EXPECT_EQ(Text(DifferenceOf(a, b)), R"({"f:a":{},"f:b":{"f:x":{}}})");
  EXPECT_EQ(Text(RecursiveDifferenceOf(a, Set(R"({"f:b":{}})"))), R"({"f:a":{}})");
  EXPECT_TRUE(DifferenceOf(a, a).Empty());
  EXPECT_TRUE(UnionOf(a, b).Covers(a));
  EXPECT_FALSE(a.Covers(b));
}

TEST(FieldSet, Paths) {
  std::vector<std::string> paths;
  ForEachPath(Set(R"({"f:spec":{"f:c":{"k:{\"name\":\"x\",\"port\":80}":{".":{},"f:i":{}}},"f:f":{"v:\"q\"":{}}}})"),
              [&](const std::string& path) { paths.push_back(path); });
  EXPECT_EQ(paths, (std::vector<std::string>{R"(.spec.c[name="x",port=80])", R"(.spec.c[name="x",port=80].i)",
                                             R"(.spec.f[="q"])"}));
}

TEST(FieldsOf, FollowsTheSchema) {
  const Type* type = FindType("io.k8s.api.core.v1.Pod");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(
      Text(FieldsOf(*type, J(R"({"metadata":{"labels":{"a":"b"},"finalizers":["x/y"]},"spec":{"nodeSelector":{"a":"b"},
      "containers":[{"name":"c","args":["1"],"ports":[{"containerPort":80}],"resources":{}}]}})"))),
      R"({"f:metadata":{"f:finalizers":{"v:\"x/y\"":{}},"f:labels":{"f:a":{}}},"f:spec":{"f:containers":{)"
      R"("k:{\"name\":\"c\"}":{".":{},"f:args":{},"f:name":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":)"
      R"({".":{},"f:containerPort":{}}},"f:resources":{}}},"f:nodeSelector":{}}})");
}

TEST(CompareFields, AddedModifiedRemoved) {
  const Type* type = FindType("io.k8s.api.core.v1.Pod");
  ASSERT_NE(type, nullptr);
  FieldChanges changes = CompareFields(
      *type, J(R"({"metadata":{"labels":{"a":"1","b":"2"}},"spec":{"containers":[{"name":"x","image":"i"}]}})"),
      J(R"({"metadata":{"labels":{"a":"9","c":"3"}},"spec":{"containers":[{"name":"x","image":"j","env":
                        [{"name":"E","value":"v"}]},{"name":"y"}]}})"));
  EXPECT_EQ(Text(changes.added),
            R"({"f:metadata":{"f:labels":{"f:c":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"x\"}":{"f:env":{".":{},)"
            R"("k:{\"name\":\"E\"}":{".":{},"f:name":{},"f:value":{}}}},"k:{\"name\":\"y\"}":{".":{},"f:name":{}}}}})");
  EXPECT_EQ(Text(changes.modified),
            R"({"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"x\"}":{"f:image":{}}}}})");
  EXPECT_EQ(Text(changes.removed), R"({"f:metadata":{"f:labels":{"f:b":{}}}})");
}

// A square of these sizes would take minutes.
TEST(FieldSet, ManyFieldsAndManagersCostNoSquares) {
  constexpr int kMany = 100'000;
  FieldSet reversed;
  for (int i = kMany; i > 0; --i) reversed.Append(fmt::format("f:k{:06}", i)).member = true;
  reversed.Append("f:k000001").member = true;  // twice
  reversed.Settle();
  ASSERT_EQ(reversed.children.size(), size_t{kMany});
  EXPECT_TRUE(std::ranges::is_sorted(reversed.children, {}, &FieldSet::Child::key));
  EXPECT_EQ(CountPaths(reversed), size_t{kMany});

  std::vector<FieldSet> managers(kMany / 4);
  for (size_t i = 0; i < managers.size(); ++i) managers[i].Append(fmt::format("f:m{:06}", i)).member = true;
  size_t common = 0;
  for (const FieldSet& manager : managers) {
    common += IntersectionOf(manager, reversed).Empty() && IntersectionOf(reversed, manager).Empty() ? 0 : 1;
    EXPECT_EQ(DifferenceOf(manager, reversed).children.size(), 1U);
  }
  EXPECT_EQ(common, 0U);
  EXPECT_EQ(UnionOfAll(managers).children.size(), managers.size());
}

TEST(FieldSet, AppendAndSettleAreInsert) {
  FieldSet inserted, appended;
  for (const char* key : {"f:b", "f:a", "f:c", "f:a", "f:b"}) {
    inserted.Insert(key).Insert("f:x").member = true;
    FieldSet& child = appended.Append(key);
    child.Append("f:x").member = true;
    child.Settle();
  }
  appended.Settle();
  EXPECT_EQ(inserted, appended);
}

}  // namespace
}  // namespace sampan::api
