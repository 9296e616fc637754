// Bytes that are no UTF-8 are refused or replaced at every door.
#include <gtest/gtest.h>

#include "api/types/core.h"
#include "apiserver/testing/test_server.h"
#include "async/spawn.h"
#include "client/client.h"
#include "codec/utf8.h"

namespace sampan::apiserver {
namespace {

constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";

std::string Map(std::string_view name, std::string_view value = "v") {
  return fmt::format(R"({{"metadata":{{"name":"{}"}},"data":{{"k":"{}"}}}})", name, value);
}

struct Door {
  const char* name;
  const char* method;
  std::string path;
  TestServer::HeaderList headers;
  std::string body;
  int status;
};

const Door kDoors[] = {
    {"field manager of a creation", "POST", "?fieldManager=%ff%fe", {}, Map("a"), 422},
    {"field manager of an update", "PUT", "/there?fieldManager=%ff", {}, Map("there"), 422},
    {"field manager of a patch",
     "PATCH",
     "/there?fieldManager=%c3",
     {{"content-type", "application/merge-patch+json"}},
     "{}",
     422},
    {"field manager that is not printable", "POST", "?fieldManager=a%0ab", {}, Map("a"), 422},
    {"field manager that is too long", "POST", "?fieldManager=" + std::string(129, 'x'), {}, Map("a"), 422},
    {"user agent", "POST", "", {{"user-agent", "\xFF\xFE/1"}}, Map("agent"), 201},
    {"a value in JSON", "POST", "", {}, Map("a", "\xFF"), 400},
    {"half a surrogate pair", "POST", "", {}, Map("a", "\\ud800"), 400},
    {"a value in YAML",
     "POST",
     "",
     {{"content-type", "application/yaml"}},
     "metadata: {name: a}\ndata: {k: \"\xFF\"}\n",
     400},
    {"a merge patch",
     "PATCH",
     "/there",
     {{"content-type", "application/merge-patch+json"}},
     "{\"data\":{\"k\":\"\xFF\"}}",
     400},
    {"an apply",
     "PATCH",
     "/there?fieldManager=m",
     {{"content-type", "application/apply-patch+yaml"}},
     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there}\ndata: {k: \"\xFF\"}\n",
     400},
    {"a name in the path", "GET", "/%ff", {}, "", 404},
    {"a label selector", "GET", "?labelSelector=a%3D%ff", {}, "", 400},
};

TEST(Text, IsCheckedAtEveryDoor) {
  TestServer server;
  ASSERT_EQ(server.Post(kMaps, Map("there")).status, 201);
  for (const Door& door : kDoors) {
    SCOPED_TRACE(door.name);
    Reply reply = server.Do(door.method, fmt::format("{}{}", kMaps, door.path), door.body, door.headers);
    EXPECT_EQ(reply.status, door.status) << reply.body;
    EXPECT_TRUE(utf8::IsValid(reply.body)) << reply.body;
  }
  Reply all = server.Get(kMaps);
  EXPECT_TRUE(utf8::IsValid(all.body));
  EXPECT_EQ(all.Json().at("items").as_array().size(), 2);
}

TEST(Text, OfComponentsIsRefusedByTheRegistry) {
  TestServer server;
  client::Ref ref;
  ref.kind = &api::KindOf<api::core::ConfigMap>();
  ref.namespace_ = "default";
  auto made = SyncWait(server.executor(), server.client().Create(ref, json::Object{{"metadata", json::Object{{"name", "a"}}},
                                                                                   {"data", json::Object{{"k", "\xFF"}}}}));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason(), Reason::kBadRequest);
}

TEST(Text, OfAnOlderVersionCostsOnlyItself) {
  TestServer server;
  constexpr std::string_view kEvents = "/api/v1/namespaces/default/events";
  auto put = [&](std::string key, std::string text) {
    auto stored = SyncWait(server.executor(), server.store().Put(std::move(key), std::move(text), {}));
    ASSERT_TRUE(stored) << stored.error().message();
  };
  put("/registry/events/default/raw",
      "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"raw\",\"namespace\":\"default\",\"uid\":\"u\","
      "\"managedFields\":[{\"manager\":\"\xFF\",\"operation\":\"Update\"}]},\"message\":\"\xC3\"}");
  put("/registry/events/default/typed",
      R"({"kind":"Event","apiVersion":"v1","metadata":{"name":"typed","namespace":"default"},"count":"many","source":[1]})");
  put("/registry/events/default/broken", R"({"kind":"Event","apiVersion":"v1","metadata":{"name":"broken"},"message":nul})");
  ASSERT_EQ(server.Post(kEvents, R"({"metadata":{"name":"good"},"involvedObject":{"namespace":"default"}})").status, 201);
  for (std::string_view list : {kEvents, std::string_view("/apis/events.k8s.io/v1/namespaces/default/events")}) {
    Reply reply = server.Get(list);
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(utf8::IsValid(reply.body));
    EXPECT_EQ(reply.Json().at("items").as_array().size(), 3) << reply.body;
    EXPECT_EQ(server.Get(fmt::format("{}/raw", list)).status, 200);
    EXPECT_EQ(server.Get(fmt::format("{}/typed", list)).status, 200);
    EXPECT_EQ(server.Get(fmt::format("{}/broken", list)).status, 404);
  }
  Reply changed = server.Patch(fmt::format("{}/raw", kEvents), "merge-patch+json", R"({"metadata":{"labels":{"a":"b"}}})");
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(server.Do("DELETE", fmt::format("{}/raw", kEvents)).status, 200);
  EXPECT_EQ(server.Do("DELETE", fmt::format("{}/typed", kEvents)).status, 200);
}

}  // namespace
}  // namespace sampan::apiserver
