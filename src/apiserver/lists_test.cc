// Lists are written an element at a time; what comes out is the same as if they were written in one go.
#include <gtest/gtest.h>

#include "api/protobuf.h"
#include "apiserver/testing/test_server.h"
#include "codec/yaml.h"

namespace sampan::apiserver {
namespace {

constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";

// The members of a list's element that its form shows.
std::string NameOf(const json::Value& element) {
  const json::Value* object = json::Find(element, "object");
  return std::string(json::FindString(json::Find(object == nullptr ? element : *object, "metadata", "name")));
}

TEST(Lists, AreTheSameInEveryForm) {
  TestServer server;
  // More than fits one turn, with texts that YAML writes over several lines.
  constexpr int kCount = 12;
  for (int i = 0; i < kCount; ++i) {
    json::Value map(json::Object{{"metadata", json::Object{{"name", fmt::format("m{:02}", i)}}},
                                 {"data", json::Object{{"lines", "a\n\n  b: c\n"}, {"large", std::string(100'000, 'x')}}}});
    ASSERT_EQ(server.Post(kMaps, json::Serialize(map)).status, 201);
  }
  const json::Value plain = server.Get(kMaps).Json();
  ASSERT_EQ(plain.at("items").as_array().size(), size_t{kCount});

  const Reply pretty = server.Get(fmt::format("{}?pretty=true", kMaps));
  EXPECT_EQ(pretty.Json(), plain);
  EXPECT_TRUE(pretty.body.starts_with("{\n  \"kind\": \"ConfigMapList\","));

  const Reply text = server.Do("GET", kMaps, "", {{"accept", "application/yaml"}});
  auto parsed = yaml::Parse(text.body);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_TRUE(json::Equal(*parsed, plain)) << text.body.substr(0, 500);

  const Reply wire = server.Do("GET", kMaps, "", {{"accept", "application/vnd.kubernetes.protobuf"}});
  auto opened = api::OpenProtobuf(wire.body);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->kind, "ConfigMapList");
  auto list = api::FromProtobuf(*api::FindType("io.k8s.api.core.v1.ConfigMapList"), *opened);
  ASSERT_TRUE(list) << list.error().message();
  ASSERT_EQ(list->at("items").as_array().size(), size_t{kCount});
  for (int i = 0; i < kCount; ++i) {
    EXPECT_EQ(list->at("items").at(i).at("data"), plain.at("items").at(i).at("data"));
  }

  for (std::string_view shape : {"Table", "PartialObjectMetadataList"}) {
    for (std::string_view form : {"application/json", "application/yaml"}) {
      SCOPED_TRACE(fmt::format("{} as {}", shape, form));
      const Reply reply = server.Do("GET", kMaps, "", {{"accept", fmt::format("{};as={};g=meta.k8s.io;v=v1", form, shape)}});
      ASSERT_EQ(reply.status, 200) << reply.body;
      auto value = yaml::Parse(reply.body);  // JSON is YAML
      ASSERT_TRUE(value) << value.error().message();
      const json::Value* elements = json::Find(*value, shape == "Table" ? "rows" : "items");
      ASSERT_NE(elements, nullptr);
      ASSERT_EQ(elements->as_array().size(), size_t{kCount});
      for (int i = 0; i < kCount; ++i) EXPECT_EQ(NameOf(elements->at(i)), fmt::format("m{:02}", i));
    }
  }
}

// As kube-apiserver lists its built-in kinds; clients count on the kind of the list.
TEST(Lists, SayTheKindOnce) {
  TestServer server;
  const std::string event =
      R"({"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","namespace":"default","name":"p"},"reason":"R","type":"Normal"})";
  ASSERT_EQ(server.Post("/api/v1/namespaces/default/events", event).status, 201);
  ASSERT_EQ(server.Post(std::string(kMaps), R"({"metadata":{"name":"m"}})").status, 201);
  ASSERT_EQ(server.Patch(fmt::format("{}/m", kMaps), "merge-patch+json", R"({"data":{"a":"b"}})").status, 200);
  for (std::string path : {"/api/v1/namespaces", "/api/v1/services", "/api/v1/configmaps", "/api/v1/events",
                           "/apis/events.k8s.io/v1/events", "/apis/discovery.k8s.io/v1/endpointslices"}) {
    for (const char* accept : {"application/json", "application/json;pretty=1", "application/yaml"}) {
      SCOPED_TRACE(path + " as " + accept);
      const Reply reply = server.Do("GET", path, "", {{"accept", accept}});
      auto list = yaml::Parse(reply.body);
      ASSERT_TRUE(list) << reply.body;
      ASSERT_FALSE(list->at("items").as_array().empty());
      for (const json::Value& item : list->at("items").as_array()) {
        EXPECT_FALSE(item.as_object().contains("kind")) << json::Serialize(item);
        EXPECT_FALSE(item.as_object().contains("apiVersion"));
        EXPECT_TRUE(item.as_object().contains("metadata"));
      }
    }
  }
  EXPECT_EQ(server.Get(fmt::format("{}/m", kMaps)).Json().at("kind"), "ConfigMap");
}

TEST(Lists, EmptyOnesInEveryForm) {
  TestServer server;
  const std::string path = "/api/v1/namespaces/default/secrets";
  for (const char* accept : {"application/json", "application/yaml", "application/json;as=Table;g=meta.k8s.io;v=v1",
                             "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}) {
    const Reply reply = server.Do("GET", path, "", {{"accept", accept}});
    auto value = yaml::Parse(reply.body);
    ASSERT_TRUE(value) << accept;
    const json::Value* elements = json::Find(*value, value->as_object().contains("rows") ? "rows" : "items");
    ASSERT_NE(elements, nullptr) << reply.body;
    EXPECT_TRUE(elements->as_array().empty());
  }
  EXPECT_TRUE(server.Get(path + "?pretty=1").body.ends_with("\"items\": []\n}"));
}

}  // namespace
}  // namespace sampan::apiserver
