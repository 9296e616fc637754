// The API as a client sees it, request by request, over a real store.
#include "apiserver/server.h"

#include <gtest/gtest.h>

#include "apiserver/testing/test_server.h"

namespace sampan::apiserver {
namespace {

constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";

std::string Map(std::string_view name, std::string_view rest = "") {
  return fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}"}}{}}})", name, rest);
}

std::string_view Text(const json::Value& value, auto... path) {
  return json::FindString(json::Find(value, path...));
}

TEST(ApiServer, CreatesReadsAndDeletes) {
  TestServer server;
  Reply created = server.Post(kMaps, Map("a", R"(,"data":{"k":"v"})"));
  EXPECT_EQ(created.status, 201) << created.body;
  json::Value object = created.Json();
  EXPECT_EQ(Text(object, "data", "k"), "v");
  EXPECT_EQ(Text(object, "metadata", "namespace"), "default");
  EXPECT_FALSE(Text(object, "metadata", "uid").empty());
  EXPECT_EQ(Text(object, "metadata", "creationTimestamp"), "2026-01-01T00:00:00Z");
  EXPECT_FALSE(Text(object, "metadata", "resourceVersion").empty());

  Reply read = server.Get("/api/v1/namespaces/default/configmaps/a");
  EXPECT_EQ(read.status, 200);
  EXPECT_TRUE(json::Equal(read.Json(), object)) << read.body;

  Reply again = server.Post(kMaps, Map("a"));
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(Text(again.Json(), "message"), "configmaps \"a\" already exists");

  Reply deleted = server.Do("DELETE", "/api/v1/namespaces/default/configmaps/a");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(Text(deleted.Json(), "status"), "Success");
  EXPECT_EQ(server.Get("/api/v1/namespaces/default/configmaps/a").status, 404);
}

TEST(ApiServer, AnswersBadRequestsAsKubernetesDoes) {
  TestServer server;
  struct Case {
    std::string_view method, target, body;
    int status;
    std::string_view message;  // a part of it
  };
  const Case cases[] = {
      {"GET", "/api/v1/namespaces/default/configmaps/x", "", 404, "configmaps \"x\" not found"},
      {"GET", "/apis/apps/v1/namespaces/default/deployments/x", "", 404, "deployments.apps \"x\" not found"},
      {"GET", "/nothing", "", 404, ""},
      {"GET", "/api/v1/nothing", "", 404, ""},
      {"GET", "/api/v1/namespaces/default/nodes", "", 404, ""},
      {"GET", "/api/v1/namespaces/default/configmaps/x/nothing", "", 404, ""},
      {"PUT", "/api/v1/namespaces/default/configmaps", "{}", 405, "the server does not allow this method"},
      {"POST", "/api/v1/namespaces/default/configmaps/x", "{}", 405, "the server does not allow this method"},
      {"DELETE", "/api/v1/namespaces", "", 405, "the server does not allow this method"},
      {"POST", kMaps, "{", 400, ""},
      {"POST", kMaps, "[]", 400, ""},
      {"POST", kMaps, R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":"x"}})", 400, ""},
      {"POST", kMaps, R"({"metadata":{"name":"x","namespace":"other"}})", 400, "does not match the namespace"},
      {"POST", kMaps, R"({"metadata":{}})", 422, "name or generateName is required"},
      {"POST", kMaps, R"({"metadata":{"name":"UPPER"}})", 422, "ConfigMap \"UPPER\" is invalid: metadata.name"},
      {"POST", kMaps, R"({"metadata":{"name":"x","resourceVersion":"5"}})", 400, "resourceVersion should not be set"},
      {"POST", "/api/v1/namespaces/absent/configmaps", R"({"metadata":{"name":"x"}})", 404,
       "namespaces \"absent\" not found"},
      {"GET", "/api/v1/configmaps?limit=x", "", 400, "parsing \"x\": invalid syntax"},
      {"GET", "/api/v1/configmaps?labelSelector=a%3D%3D%3Db", "", 400, ""},
      {"GET", "/api/v1/configmaps?fieldSelector=data.x%3D1", "", 400, "not a known field selector"},
      {"GET", "/api/v1/configmaps?resourceVersion=x", "", 400, "resource version"},
      {"GET", "/api/v1/configmaps?continue=xyz", "", 400, "continue"},
      {"POST", "/api/v1/namespaces/default/configmaps?dryRun=maybe", R"({"metadata":{"name":"x"}})", 422, "dryRun"},
      {"POST", "/api/v1/namespaces/default/configmaps?fieldValidation=Strict", R"({"metadata":{"name":"x"},"foo":1})", 400,
       "unknown field \"foo\""},
      {"DELETE", "/api/v1/namespaces/default", "", 403, "this namespace may not be deleted"},
      // Paths in a scope that the kind does not have: they would widen what a right in one namespace opens.
      {"GET", "/api/v1/namespaces/default/nodes", "", 404, "the server could not find the requested resource"},
      {"GET", "/api/v1/namespaces/default/namespaces/kube-system", "", 404,
       "the server could not find the requested resource"},
      {"POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/clusterroles", R"({"metadata":{"name":"x"}})", 404,
       ""},
      {"PUT", "/api/v1/endpoints/x", R"({"metadata":{"name":"x"}})", 404,
       "the server could not find the requested resource"},
      {"GET", "/api/v1/pods/x", "", 404, "the server could not find the requested resource"},
  };
  for (const Case& c : cases) {
    Reply reply = server.Do(c.method, c.target, std::string(c.body));
    EXPECT_EQ(reply.status, c.status) << c.method << " " << c.target << " " << c.body << "\n" << reply.body;
    EXPECT_NE(reply.body.find(
                  json::Serialize(json::Value(c.message)).substr(1, json::Serialize(json::Value(c.message)).size() - 2)),
              std::string::npos)
        << c.method << " " << c.target << " " << c.body << "\n"
        << reply.body;
  }
  EXPECT_EQ(server.Do("GET", kMaps, "", {{"accept", "text/html"}}).status, 406);
  EXPECT_EQ(server.Do("POST", kMaps, "x", {{"content-type", "text/plain"}}).status, 415);
  EXPECT_EQ(server.Patch("/api/v1/namespaces/default/configmaps/x", "json", "{}").status, 415);
  EXPECT_EQ(server.Do("GET", kMaps, "", {{"x-user", "nobody"}}).status, 403);
  EXPECT_EQ(server.Do("GET", kMaps, "", {{"x-user", "expired"}}).status, 401);
}

TEST(ApiServer, UpdatesWithOptimisticConcurrency) {
  TestServer server;
  json::Value object = server.Post(kMaps, Map("a", R"(,"data":{"k":"1"})")).Json();
  std::string old_version(Text(object, "metadata", "resourceVersion"));
  object.at("data").as_object()["k"] = "2";
  Reply updated = server.Do("PUT", "/api/v1/namespaces/default/configmaps/a", json::Serialize(object));
  EXPECT_EQ(updated.status, 200) << updated.body;
  EXPECT_NE(Text(updated.Json(), "metadata", "resourceVersion"), old_version);

  Reply stale = server.Do("PUT", "/api/v1/namespaces/default/configmaps/a", json::Serialize(object));
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(Text(stale.Json(), "message"),
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to "
            "the latest version and try again");

  Reply same = server.Do("PUT", "/api/v1/namespaces/default/configmaps/a", updated.body);
  EXPECT_EQ(Text(same.Json(), "metadata", "resourceVersion"), Text(updated.Json(), "metadata", "resourceVersion"))
      << "an update without effect writes nothing";
  Reply unconditional = server.Do("PUT", "/api/v1/namespaces/default/configmaps/a", Map("a", R"(,"data":{"k":"3"})"));
  EXPECT_EQ(unconditional.status, 200);
  EXPECT_EQ(server.Do("PUT", "/api/v1/namespaces/default/configmaps/a", Map("b")).status, 400);
  EXPECT_EQ(server.Do("PUT", "/api/v1/namespaces/default/configmaps/b", Map("b")).status, 404);
}

TEST(ApiServer, Patches) {
  TestServer server;
  server.Post(kMaps, Map("a", R"(,"data":{"x":"1","y":"2"})"));
  std::string target = std::string(kMaps) + "/a";
  Reply merged = server.Patch(target, "merge-patch+json", R"({"data":{"x":null,"z":"3"}})");
  EXPECT_EQ(json::Serialize(*json::Find(merged.Json(), "data")), R"({"y":"2","z":"3"})") << merged.body;
  Reply patched = server.Patch(target, "json-patch+json", R"([{"op":"replace","path":"/data/y","value":"9"}])");
  EXPECT_EQ(Text(patched.Json(), "data", "y"), "9") << patched.body;
  Reply strategic = server.Patch(target, "strategic-merge-patch+json", R"({"metadata":{"labels":{"l":"1"}}})");
  EXPECT_EQ(Text(strategic.Json(), "metadata", "labels", "l"), "1") << strategic.body;
  Reply applied = server.Patch(target + "?fieldManager=me", "apply-patch+yaml",
                               "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  w: \"4\"\n");
  EXPECT_EQ(applied.status, 200) << applied.body;
  EXPECT_EQ(Text(applied.Json(), "data", "w"), "4");
  Reply fresh = server.Patch(std::string(kMaps) + "/fresh?fieldManager=me", "apply-patch+yaml",
                             "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: fresh\ndata:\n  w: \"4\"\n");
  EXPECT_EQ(fresh.status, 201) << fresh.body;
  EXPECT_EQ(server.Patch(target, "merge-patch+json", "[]").status, 400);
  EXPECT_EQ(server.Patch(target, "merge-patch+json", R"({"metadata":{"name":"b"}})").status, 400);
}

TEST(ApiServer, ListsInPagesOfOneState) {
  TestServer server;
  for (int i = 0; i < 5; ++i) server.Post(kMaps, Map(fmt::format("m{}", i), ""));
  json::Value first = server.Get(std::string(kMaps) + "?limit=2").Json();
  EXPECT_EQ(first.at("items").as_array().size(), 2u);
  EXPECT_EQ(json::Find(first, "metadata", "remainingItemCount")->to_number<int>(), 3);
  server.Do("DELETE", std::string(kMaps) + "/m2");
  server.Post(kMaps, Map("m9"));
  std::string token(Text(first, "metadata", "continue"));
  json::Value second = server.Get(std::string(kMaps) + "?limit=2&continue=" + token).Json();
  EXPECT_EQ(Text(second.at("items").as_array()[0], "metadata", "name"), "m2") << "the state of the first page";
  EXPECT_EQ(Text(second, "metadata", "resourceVersion"), Text(first, "metadata", "resourceVersion"));
  json::Value all = server.Get(kMaps).Json();
  EXPECT_EQ(all.at("items").as_array().size(), 5u);
  EXPECT_EQ(Text(all, "kind"), "ConfigMapList");
}

TEST(ApiServer, SelectsByNameInAllNamespaces) {
  TestServer server;
  server.Post(kMaps, Map("a"));
  server.Post("/api/v1/namespaces/kube-system/configmaps", Map("a"));
  server.Post("/api/v1/namespaces/kube-system/configmaps", Map("b"));
  auto count = [&](std::string_view target) { return server.Get(target).Json().at("items").as_array().size(); };
  EXPECT_EQ(count("/api/v1/configmaps?fieldSelector=metadata.name%3Da"), 2u);
  EXPECT_EQ(count("/api/v1/configmaps?fieldSelector=metadata.name%3Da,metadata.namespace%3Ddefault"), 1u);
  EXPECT_EQ(count(std::string(kMaps) + "?fieldSelector=metadata.name%3Da"), 1u);
  EXPECT_EQ(count("/api/v1/configmaps?fieldSelector=metadata.name%21%3Da,metadata.namespace%3Dkube-system"), 1u);
  EXPECT_EQ(count("/api/v1/namespaces?fieldSelector=metadata.name%3Ddefault"), 1u);
}

TEST(ApiServer, WatchesTransitionsOfASelector) {
  TestServer server;
  server.Post(kMaps, Map("old", ""));
  auto watch = server.Start(std::string(kMaps) + "?watch=true&labelSelector=on%3Dyes&allowWatchBookmarks=true");
  std::string target = std::string(kMaps) + "/old";
  server.Patch(target, "merge-patch+json", R"({"metadata":{"labels":{"on":"yes"}}})");
  EXPECT_TRUE(watch->WaitFor("ADDED")) << watch->Body();
  server.Patch(target, "merge-patch+json", R"({"data":{"k":"v"}})");
  EXPECT_TRUE(watch->WaitFor("MODIFIED")) << watch->Body();
  server.Patch(target, "merge-patch+json", R"({"metadata":{"labels":null}})");
  EXPECT_TRUE(watch->WaitFor("DELETED")) << watch->Body();
  server.clock().Advance(std::chrono::seconds(61));
  EXPECT_TRUE(watch->WaitFor("BOOKMARK")) << watch->Body();
}

TEST(ApiServer, WatchBeginsWithTheStateAndEndsByTimeout) {
  TestServer server;
  server.Post(kMaps, Map("a"));
  auto watch = server.Start(std::string(kMaps) +
                            "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
  EXPECT_TRUE(watch->WaitFor("k8s.io/initial-events-end")) << watch->Body();
  EXPECT_NE(watch->Body().find("ADDED"), std::string::npos);
  EXPECT_EQ(server.Get(std::string(kMaps) + "?watch=true&sendInitialEvents=true").status, 422);
}

TEST(ApiServer, AStopEndsWatchesAndNothingElse) {
  TestServer server;
  auto watch = server.Start(std::string(kMaps) + "?watch=true");
  server.Post(kMaps, Map("a"));
  EXPECT_TRUE(watch->WaitFor("ADDED")) << watch->Body();
  server.EndStreams();
  watch->Join();
  EXPECT_EQ(server.Get(std::string(kMaps) + "/a").status, 200);
  auto late = server.Start(std::string(kMaps) + "?watch=true");
  late->Join();
}

TEST(ApiServer, FinalizersHoldBackDeletion) {
  TestServer server;
  server.Post(kMaps, R"({"metadata":{"name":"a","finalizers":["x.io/f"]}})");
  std::string target = std::string(kMaps) + "/a";
  json::Value deleting = server.Do("DELETE", target).Json();
  EXPECT_FALSE(Text(deleting, "metadata", "deletionTimestamp").empty());
  EXPECT_EQ(server.Patch(target, "merge-patch+json", R"({"metadata":{"finalizers":["x.io/f","y.io/g"]}})").status, 422);
  EXPECT_EQ(server.Patch(target, "merge-patch+json", R"({"metadata":{"finalizers":null}})").status, 200);
  EXPECT_EQ(server.Get(target).status, 404);
}

TEST(ApiServer, DeletesCollections) {
  TestServer server;
  for (int i = 0; i < 3; ++i) {
    server.Post(kMaps, fmt::format(R"({{"metadata":{{"name":"m{}","labels":{{"n":"{}"}}}}}})", i, i % 2));
  }
  EXPECT_EQ(server.Do("DELETE", std::string(kMaps) + "?labelSelector=n%3D0").status, 200);
  EXPECT_EQ(server.Get(kMaps).Json().at("items").as_array().size(), 1u);
}

TEST(ApiServer, GeneratesNames) {
  TestServer server;
  Reply reply = server.Post(kMaps, R"({"metadata":{"generateName":"web-"}})");
  EXPECT_EQ(reply.status, 201);
  EXPECT_TRUE(Text(reply.Json(), "metadata", "name").starts_with("web-"));
  EXPECT_EQ(Text(reply.Json(), "metadata", "name").size(), 9u);
  Reply dry = server.Post(std::string(kMaps) + "?dryRun=All", Map("dry"));
  EXPECT_EQ(dry.status, 201) << dry.body;
  EXPECT_EQ(server.Get(std::string(kMaps) + "/dry").status, 404);
}

TEST(ApiServer, EventsExpire) {
  TestServer server;
  server.Post(
      "/api/v1/namespaces/default/events",
      R"({"metadata":{"name":"e"},"involvedObject":{"namespace":"default"},"lastTimestamp":"2026-01-01T00:00:00Z"})");
  EXPECT_EQ(server.Get("/api/v1/namespaces/default/events/e").status, 200);
  server.clock().Advance(std::chrono::minutes(59));
  EXPECT_EQ(server.Get("/api/v1/namespaces/default/events/e").status, 200);
  // The expiry runs on another thread: each minute gives it another chance to look.
  int status = 200;
  for (int i = 0; i < 10'000 && status == 200; ++i) {
    server.clock().Advance(std::chrono::minutes(1));
    status = server.Get("/api/v1/namespaces/default/events/e").status;
  }
  EXPECT_EQ(status, 404);
}

TEST(ApiServer, HasTheObjectsOfEveryCluster) {
  TestServer server;
  for (std::string_view name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    json::Value ns = server.Get(fmt::format("/api/v1/namespaces/{}", name)).Json();
    EXPECT_EQ(Text(ns, "status", "phase"), "Active") << name;
    EXPECT_EQ(Text(ns, "metadata", "labels", "kubernetes.io/metadata.name"), name);
  }
  json::Value service = server.Get("/api/v1/namespaces/default/services/kubernetes").Json();
  EXPECT_EQ(Text(service, "spec", "clusterIP"), "10.96.0.1");
  EXPECT_EQ(server.Get("/readyz").body, "ok");
  EXPECT_EQ(server.Get("/readyz?verbose").status, 200);
  EXPECT_EQ(server.Get("/livez/ping").status, 200);
  EXPECT_EQ(server.Get("/version").status, 200);
  EXPECT_NE(server.Get("/metrics").body.find("apiserver_request_total"), std::string::npos);
  EXPECT_EQ(server.Get("/apis/apps").status, 200);
  EXPECT_EQ(server.Get("/apis/absent").status, 404);
}

TEST(ApiServer, SpeaksProtobufYamlAndTables) {
  TestServer server;
  server.Post(kMaps, Map("a", R"(,"data":{"k":"v"})"));
  std::string target = std::string(kMaps) + "/a";
  Reply protobuf = server.Do("GET", target, "", {{"accept", "application/vnd.kubernetes.protobuf,application/json"}});
  EXPECT_EQ(protobuf.headers.Get("content-type"), "application/vnd.kubernetes.protobuf");
  EXPECT_TRUE(protobuf.body.starts_with(std::string_view("k8s\0", 4)));
  Reply put = server.Do("PUT", target, protobuf.body, {{"content-type", "application/vnd.kubernetes.protobuf"}});
  EXPECT_EQ(put.status, 200) << put.body;
  Reply list = server.Do("GET", kMaps, "", {{"accept", "application/vnd.kubernetes.protobuf"}});
  EXPECT_TRUE(list.body.starts_with(std::string_view("k8s\0", 4)));
  auto watch = server.Start(std::string(kMaps) + "?watch=true", {{"accept", "application/vnd.kubernetes.protobuf"}});
  EXPECT_TRUE(watch->WaitFor("ADDED"));

  Reply yaml = server.Do("GET", target, "", {{"accept", "application/yaml"}});
  EXPECT_NE(yaml.body.find("kind: ConfigMap\n"), std::string::npos) << yaml.body;
  Reply table = server.Do("GET", kMaps, "", {{"accept", "application/json;as=Table;g=meta.k8s.io;v=v1"}});
  EXPECT_EQ(Text(table.Json(), "kind"), "Table");
  EXPECT_EQ(table.Json().at("rows").as_array().size(), 1u);
  Reply partial = server.Do("GET", target, "", {{"accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}});
  EXPECT_EQ(Text(partial.Json(), "kind"), "PartialObjectMetadata");
  EXPECT_EQ(json::Find(partial.Json(), "data"), nullptr);
}

TEST(ApiServer, RefusesMoreThanItsLimits) {
  TestOptions options;
  options.server.max_readonly_in_flight = 0;
  TestServer server(options);
  Reply refused = server.Do("GET", kMaps, "", {{"x-user", "nobody"}});
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.Get("retry-after"), "1");
  EXPECT_EQ(server.Get(kMaps).status, 200) << "administrators are never locked out";
}

TEST(ApiServer, CompressesBigAnswers) {
  TestServer server;
  std::string big(200'000, 'x');
  server.Post(kMaps, Map("a", fmt::format(R"(,"data":{{"k":"{}"}})", big)));
  std::string target = std::string(kMaps) + "/a";
  Reply plain = server.Get(target);
  EXPECT_GT(plain.body.size(), big.size());
  Reply packed = server.Do("GET", target, "", {{"accept-encoding", "gzip"}});
  EXPECT_EQ(packed.headers.Get("content-encoding"), "gzip");
  EXPECT_LT(packed.body.size(), 10'000u);
}

TEST(ApiServer, PublishesDiscoveryInThreeForms) {
  TestServer server;
  EXPECT_EQ(Text(server.Get("/api").Json(), "kind"), "APIVersions");
  EXPECT_EQ(Text(server.Get("/apis").Json(), "kind"), "APIGroupList");
  json::Value core = server.Get("/api/v1").Json();
  EXPECT_EQ(Text(core, "groupVersion"), "v1");
  std::string accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  Reply aggregated = server.Do("GET", "/apis", "", {{"accept", accept}});
  EXPECT_EQ(Text(aggregated.Json(), "apiVersion"), "apidiscovery.k8s.io/v2");
  std::string tag(aggregated.headers.Get("etag"));
  EXPECT_EQ(server.Do("GET", "/apis", "", {{"accept", accept}, {"if-none-match", tag}}).status, 304);
  EXPECT_EQ(server.Get("/openapi/v3").status, 200);
}

}  // namespace
}  // namespace sampan::apiserver
