#include "api/object.h"

#include <thread>

#include <gtest/gtest.h>

#include "api/types/core.h"

namespace sampan::api {
namespace {

constexpr std::string_view kPod =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"a\u0041","namespace":"d","uid":"u1","resourceVersion":"42",)"
    R"("generation":3,"creationTimestamp":"2026-01-02T03:04:05Z","labels":{"b":"2","a":"1"},"annotations":{"x":"{\"y\":1}"},)"
    R"("ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"rs","uid":"u2","controller":true}],)"
    R"("finalizers":["f1"],"managedFields":[{"fieldsV1":{"f:metadata":{}}}]},)"
    R"("spec":{"containers":[{"name":"c","image":"nginx","ports":[{"containerPort":80}],)"
    R"("resources":{"limits":{"memory":"64Mi","cpu":"500m"}}}],"nodeName":"n"},"status":{"phase":"Running"}})";

TEST(Object, ReadsTheHead) {
  auto object = *Object::FromBytes(std::string(kPod));
  const ObjectHead& head = object->head();
  EXPECT_EQ(head.api_version, "v1");
  EXPECT_EQ(head.kind, "Pod");
  EXPECT_EQ(head.name, "aA");
  EXPECT_EQ(head.namespace_, "d");
  EXPECT_EQ(head.uid, "u1");
  EXPECT_EQ(head.revision, 42);
  EXPECT_EQ(head.generation, 3);
  EXPECT_EQ(head.creation_timestamp, "2026-01-02T03:04:05Z");
  EXPECT_EQ(head.labels, (StringMap{{"a", "1"}, {"b", "2"}}));
  ASSERT_EQ(head.owners.size(), 1U);
  EXPECT_EQ(head.owners[0].name, "rs");
  EXPECT_TRUE(head.owners[0].controller);
  EXPECT_EQ(head.finalizers, std::vector<std::string>{"f1"});
  EXPECT_FALSE(object->deleting());
}

TEST(Object, DecodesTheStructOnce) {
  auto object = *Object::FromBytes(std::string(kPod));
  const auto& pod = object->As<core::Pod>();
  EXPECT_EQ(&pod, &object->As<core::Pod>());
  EXPECT_EQ(pod.metadata.name, "aA");
  EXPECT_EQ(pod.metadata.labels.Get("b"), "2");
  ASSERT_EQ(pod.spec.containers.size(), 1U);
  EXPECT_EQ(pod.spec.containers[0].image, "nginx");
  EXPECT_EQ(pod.spec.containers[0].ports[0].container_port, 80);
  EXPECT_EQ(pod.spec.containers[0].resources->limits.Get("cpu").MilliValue(), 500);
  EXPECT_EQ(pod.spec.node_name, "n");
  EXPECT_FALSE(pod.spec.host_network.has_value());
  EXPECT_FALSE(pod.spec.security_context);
  EXPECT_EQ(pod.status.phase, "Running");
}

TEST(Object, FromValueSetsTheRevision) {
  auto object = *Object::FromValue(*json::Parse(R"({"metadata":{"resourceVersion":"1","name":"x"},"data":{}})"), 7);
  EXPECT_EQ(object->bytes(), R"({"metadata":{"resourceVersion":"7","name":"x"},"data":{}})");
  EXPECT_EQ(object->revision(), 7);
  auto fresh = *Object::FromValue(*json::Parse(R"({"metadata":{"resourceVersion":"1","name":"x","uid":"u"}})"), 0);
  EXPECT_EQ(fresh->bytes(), R"({"metadata":{"name":"x","uid":"u"}})");
  EXPECT_EQ(fresh->revision(), 0);
}

TEST(Object, RefusesWhatIsNoObject) {
  for (std::string text : {"", "[]", "{}", "{\"metadata\":1}", "{\"metadata\":{\"name\":\"x\"", "null"}) {
    auto object = Object::FromBytes(text);
    ASSERT_FALSE(object) << text;
    EXPECT_EQ(object.error().reason(), Reason::kInternalError);
  }
}

TEST(Object, ReadsWhatAnOlderVersionStored) {
  auto object = Object::FromBytes("{\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":\"\xFF\"}},\"data\":{\"k\":\"\xC3\"}}");
  ASSERT_TRUE(object);
  EXPECT_EQ((*object)->head().labels.Get("a"), "\uFFFD");
  EXPECT_EQ(json::FindString(json::Find((*object)->Parse(), "data", "k")), "\uFFFD");
  const std::string deep = std::string(kMaxStoredDepth - 1, '[') + std::string(kMaxStoredDepth - 1, ']');
  auto nested = Object::FromBytes(R"({"metadata":{"name":"x"},"data":)" + deep + "}");
  ASSERT_TRUE(nested) << nested.error().message();
  EXPECT_TRUE((*nested)->Parse().get_object().contains("data"));
}

TEST(Object, LeavesOutWhatCannotBeRead) {
  const std::string deep(kMaxStoredDepth + 1, '[');
  for (std::string rest : {std::string("nul"), std::string("1e999"), std::string("\"\\ud800\""), deep, std::string("{}}")}) {
    EXPECT_FALSE(Object::FromBytes(R"({"metadata":{"name":"x"},"data":)" + rest + "}")) << rest;
  }
}

TEST(ToStored, TakesWhatReadsBack) {
  auto reason = [](const json::Value& value) {
    auto text = ToStored(value, kMaxWrittenBytes);
    return text ? Reason::kUnknown : text.error().reason();
  };
  EXPECT_EQ(reason(json::Object{{"a", "b"}}), Reason::kUnknown);
  EXPECT_EQ(reason(json::Object{{"a", "\xFF"}}), Reason::kBadRequest);
  EXPECT_EQ(reason(json::Object{{"\xFF", 1}}), Reason::kBadRequest);
  EXPECT_EQ(reason(json::Object{{"a", std::numeric_limits<double>::quiet_NaN()}}), Reason::kBadRequest);
  EXPECT_EQ(reason(json::Object{{"a", std::string(kMaxWrittenBytes, 'x')}}), Reason::kRequestEntityTooLarge);
  json::Value deep;
  for (size_t i = 0; i <= kMaxWrittenDepth; ++i) deep = json::Array{std::move(deep)};
  EXPECT_EQ(reason(deep), Reason::kBadRequest);
}

TEST(Object, NumbersBeyondTheirTypeAreLeftOut) {
  for (const char* number : {"1e300", "-1e300", "9223372036854775808", "1.5", "2147483648"}) {
    auto object = Object::FromBytes(fmt::format(R"({{"metadata":{{"name":"x"}},"spec":{{"priority":{}}}}})", number));
    ASSERT_TRUE(object);
    EXPECT_FALSE((*object)->As<core::Pod>().spec.priority.value_or(0)) << number;
  }
}

TEST(Object, ThreadsShareOneStruct) {
  auto object = *Object::FromBytes(std::string(kPod));
  std::vector<const core::Pod*> seen(8);
  {
    std::vector<std::jthread> threads;
    for (auto& slot : seen) threads.emplace_back([&slot, &object] { slot = &object->As<core::Pod>(); });
  }
  for (const core::Pod* pod : seen) EXPECT_EQ(pod, seen[0]);
}

TEST(Map, SettlesWhatCameInAnyOrder) {
  StringMap map;
  for (const auto& [key, value] :
       std::vector<StringMap::Entry>{{"b", "1"}, {"a", "2"}, {"b", "3"}, {"c", "4"}, {"a", "5"}}) {
    map.emplace_back(key, value);
  }
  map.Settle();
  EXPECT_EQ(map, (StringMap{{"a", "5"}, {"b", "3"}, {"c", "4"}}));
  StringMap none;
  none.Settle();
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace sampan::api
