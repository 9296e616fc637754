// What kube-apiserver v1.36 answers, as a table: clients read these texts and statuses.
#include <gtest/gtest.h>

#include "apiserver/testing/test_server.h"
#include "async/spawn.h"
#include "codec/base64.h"

namespace sampan::apiserver {
namespace {

constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";
constexpr std::string_view kPods = "/api/v1/namespaces/default/pods";
constexpr std::string_view kDeployments = "/apis/apps/v1/namespaces/default/deployments";

struct Fact {
  std::string_view method, target, body;
  int status;
  std::string_view message;
};

void Check(TestServer& server, std::span<const Fact> facts, const TestServer::HeaderList& headers = {}) {
  for (const Fact& fact : facts) {
    Reply reply = server.Do(fact.method, fact.target, std::string(fact.body), headers);
    EXPECT_EQ(reply.status, fact.status) << fact.method << " " << fact.target << " " << fact.body << "\n" << reply.body;
    EXPECT_EQ(json::FindString(json::Find(reply.Json(), "message")), fact.message)
        << fact.method << " " << fact.target << " " << fact.body;
  }
}

TEST(Facts, Paths) {
  TestServer server;
  constexpr std::string_view kNone = "the server could not find the requested resource";
  constexpr std::string_view kNot = "the server does not allow this method on the requested resource";
  const Fact facts[] = {
      {"GET", "/api/v1/nope", "", 404, kNone},
      {"GET", "/apis/apps/v9/deployments", "", 404, kNone},
      {"GET", "/api/v1/namespaces/default/pods/a/nope", "", 404, kNone},
      {"HEAD", kMaps, "", 405, ""},
      {"PATCH", kMaps, "{}", 405, kNot},
      {"GET", "/api/v1/namespaces/default/pods/x/binding", "", 405, kNot},
  };
  Check(server, facts);
}

TEST(Facts, Bodies) {
  TestServer server;
  const Fact facts[] = {
      {"POST", kMaps, "{", 400,
       "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: "
       "unexpected end of JSON input ({)"},
      {"POST", kMaps, "", 400,
       "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: "
       "unexpected end of JSON input (<empty>)"},
      {"POST", kMaps, "null", 422,
       "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"},
      {"POST", kMaps, R"({"metadata":{"name":"a","ownerReferences":[{}]}})", 422,
       "ConfigMap \"a\" is invalid: [metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be empty, "
       "metadata.ownerReferences.kind: Invalid value: \"\": must not be empty, metadata.ownerReferences.name: Invalid "
       "value: "
       "\"\": must not be empty, metadata.ownerReferences.uid: Invalid value: \"\": must not be empty]"},
  };
  Check(server, facts);
}

TEST(Facts, Options) {
  TestServer server;
  constexpr std::string_view kBody = R"({"metadata":{"name":"x"}})";
  auto with = [](std::string_view query) { return fmt::format("{}?{}", kMaps, query); };
  const std::string validation = with("fieldValidation=x"), dry = with("dryRun=None");
  const std::string manager = with("fieldManager=" + std::string(129, 'm'));
  const Fact facts[] = {
      {"POST", validation, kBody, 422,
       "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"x\": supported values: \"\", "
       "\"Ignore\", \"Strict\", \"Warn\""},
      {"POST", dry, kBody, 422,
       "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"None\"]: supported values: \"All\""},
      {"POST", manager, kBody, 422,
       "CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Too long: may not be more than 128 bytes"},
  };
  Check(server, facts);
}

TEST(Facts, Lists) {
  TestServer server;
  const std::string match = fmt::format("{}?resourceVersionMatch=Exact", kMaps);
  const std::string initial = fmt::format("{}?sendInitialEvents=true", kMaps);
  const std::string limit = fmt::format("{}?limit=x", kMaps);
  const std::string everything = fmt::format("{}?limit=-1", kMaps);
  const std::string revision = fmt::format("{}?resourceVersion=x", kMaps);
  const Fact facts[] = {
      {"GET", match, "", 422,
       "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
       "resourceVersion is provided"},
      {"GET", initial, "", 422,
       "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"},
      {"GET", limit, "", 400, "strconv.ParseInt: parsing \"x\": invalid syntax"},
      {"GET", everything, "", 200, ""},
      {"GET", revision, "", 400,
       "invalid resource version: resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax"},
  };
  Check(server, facts);
}

TEST(Facts, AListGoesOnWhenItsRevisionIsGone) {
  TestServer server;
  store::Revision last = 0;
  for (std::string_view name : {"a", "b", "c"}) {
    json::Value made = server.Post(kMaps, fmt::format(R"({{"metadata":{{"name":"{}"}}}})", name)).Json();
    last = std::stoll(std::string(json::FindString(json::Find(made, "metadata", "resourceVersion"))));
  }
  ASSERT_TRUE(SyncWait(server.executor(), server.store().Compact(last)));
  std::string token = base64::EncodeUrl(R"({"v":"meta.k8s.io/v1","rv":1,"start":"default/a"})");
  Reply expired = server.Get(fmt::format("{}?limit=1&continue={}", kMaps, token));
  EXPECT_EQ(expired.status, 410) << expired.body;
  EXPECT_EQ(json::FindString(json::Find(expired.Json(), "reason")), "Expired");
  std::string next(json::FindString(json::Find(expired.Json(), "metadata", "continue")));
  json::Value rest = server.Get(fmt::format("{}?limit=1&continue={}", kMaps, next)).Json();
  ASSERT_EQ(rest.at("items").as_array().size(), 1);
  EXPECT_EQ(json::FindString(json::Find(rest.at("items").at(0), "metadata", "name")), "b");
}

TEST(Facts, Deletions) {
  TestServer server;
  server.Post(kMaps, R"({"metadata":{"name":"x"}})");
  const std::string one = fmt::format("{}/x", kMaps);
  const Fact facts[] = {
      {"DELETE", one, R"({"dryRun":["x"]})", 422,
       "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"x\"]: supported values: \"All\""},
      {"DELETE", one, R"({"propagationPolicy":"x"})", 422,
       "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"x\": supported values: "
       "\"Foreground\", \"Background\", \"Orphan\", \"nil\""},
  };
  Check(server, facts);
  Reply stale = server.Do("DELETE", one, R"({"preconditions":{"uid":"x"}})");
  EXPECT_EQ(stale.status, 409);
  EXPECT_TRUE(json::FindString(json::Find(stale.Json(), "message"))
                  .starts_with("Operation cannot be fulfilled on ConfigMap \"x\": the UID in the precondition (x) does not "
                               "match the UID in record ("));
}

TEST(Facts, PodUpdatesShowWhatDiffers) {
  TestServer server;
  server.Post("/api/v1/namespaces/default/serviceaccounts", R"({"metadata":{"name":"default"}})");
  ASSERT_EQ(server.Post(kPods, R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})").status, 201);
  Reply refused = server.Patch(fmt::format("{}/p", kPods), "merge-patch+json", R"({"spec":{"restartPolicy":"Never"}})");
  EXPECT_EQ(refused.status, 422);
  std::string message(json::FindString(json::Find(refused.Json(), "message")));
  EXPECT_NE(message.find("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"),
            std::string::npos);
  EXPECT_NE(message.find("- \"restartPolicy\": \"Always\",\n+ \"restartPolicy\": \"Never\",\n"), std::string::npos)
      << message;
}

TEST(Facts, Shapes) {
  TestServer server;
  server.Post(kMaps, R"({"metadata":{"name":"x"}})");
  auto accept = [&](std::string_view target, std::string_view type) {
    return server.Do("GET", target, "", {{"accept", std::string(type)}});
  };
  const std::string one = fmt::format("{}/x", kMaps);
  EXPECT_EQ(json::FindString(
                json::Find(accept(kMaps, "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io").Json(), "message")),
            "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)");
  EXPECT_EQ(accept(one, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io").status, 406);
  Reply table = accept(one, "application/json;as=Table;v=v1;g=meta.k8s.io");
  EXPECT_EQ(table.headers.Get("content-type"), "application/json");
  EXPECT_TRUE(table.body.ends_with('\n'));
  EXPECT_TRUE(accept(one, "application/json;pretty=1").body.starts_with("{\n"));
}

TEST(Facts, WhoTakesNoFormOfTheAnswerChangesNothing) {
  TestServer server;
  server.Post(kMaps, R"({"metadata":{"name":"kept"}})");
  server.Post(
      "/apis/apps/v1/namespaces/default/deployments",
      R"({"metadata":{"name":"web"},"spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":)"
      R"({"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  const std::string kept = std::string(kMaps) + "/kept";
  const std::string scale = "/apis/apps/v1/namespaces/default/deployments/web/scale";
  constexpr std::string_view kPartial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
  constexpr std::string_view kPartialList = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
  auto refused = [&](std::string_view method, std::string_view target, std::string body, std::string_view accept,
                     std::string_view type = "application/json") {
    Reply reply =
        server.Do(method, target, std::move(body), {{"accept", std::string(accept)}, {"content-type", std::string(type)}});
    EXPECT_EQ(reply.status, 406) << method << target << reply.body;
  };
  refused("PATCH", scale, R"({"spec":{"replicas":4}})", kPartial, "application/merge-patch+json");
  refused("POST", kMaps, R"({"metadata":{"name":"new"}})", kPartialList);
  refused("DELETE", kept, "", kPartialList);
  refused("DELETE", kept, "", "image/png");
  refused("DELETE", kMaps, "", kPartial);
  EXPECT_EQ(server.Get(kept).status, 200);
  EXPECT_EQ(server.Get(std::string(kMaps) + "/new").status, 404);
  EXPECT_NE(server.Get(scale).body.find(R"("replicas":1)"), std::string::npos);
}

TEST(Facts, Patches) {
  TestServer server;
  server.Post(kMaps, R"({"metadata":{"name":"x"}})");
  auto patch = [&](std::string_view query, std::string_view type, std::string body) {
    Reply reply = server.Patch(fmt::format("{}/x{}", kMaps, query), type, std::move(body));
    return fmt::format("{} {}", reply.status, json::FindString(json::Find(reply.Json(), "message")));
  };
  EXPECT_EQ(patch("?force=true", "merge-patch+json", "{}"),
            "422 PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch");
  EXPECT_EQ(patch("", "merge-patch+json", "{"), "400 error decoding patch: unexpected end of JSON input");
  EXPECT_EQ(patch("", "apply-patch+yaml", "{}"),
            "422 PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch");
  EXPECT_EQ(patch("?fieldManager=m", "apply-patch+yaml", R"({"metadata":{"name":"x"}})"),
            "400 invalid object type: /, Kind=");
  EXPECT_EQ(patch("?fieldManager=m", "apply-patch+yaml", R"({"apiVersion":"v1","kind":"ConfigMap"})"),
            "400 the name of the object (x based on URL) was undeterminable: name must be provided");
  Reply unknown = server.Patch(fmt::format("{}/x?fieldManager=m", kMaps), "apply-patch+yaml",
                               R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"foo":1})");
  EXPECT_EQ(unknown.status, 500);
  EXPECT_NE(unknown.body.find(".foo: field not declared in schema"), std::string::npos);
  Reply wrong = server.Patch(fmt::format("{}/x", kMaps), "merge-patch+json", R"({"data":{"a":1}})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(json::FindString(json::Find(wrong.Json(), "details", "causes")->at(0).as_object().if_contains("field")),
            "patch");
  Reply twice = server.Patch(fmt::format("{}/x", kMaps), "merge-patch+json", R"({"data":{"a":"1","a":"2"}})");
  EXPECT_EQ(twice.headers.Get("warning"), R"(299 - "duplicate field \"data.a\"")");
}

TEST(Facts, WarningsFitTheHeadersThatClientsTake) {
  TestServer server;
  std::string body = R"({"metadata":{"name":"x"})";
  for (int i = 0; i < 200; ++i) body += fmt::format(R"(,"f{}":1)", i);
  Reply made = server.Post(kMaps, body + "}");
  ASSERT_EQ(made.status, 201) << made.body;
  size_t warnings = 0;
  for (const auto& [name, value] : made.headers.items()) warnings += name == "warning" ? 1 : 0;
  EXPECT_GE(warnings, 50u);
  EXPECT_LE(warnings, 64u) << "Python's clients take a hundred headers";
}

TEST(Facts, CreationTracksWhatTheClientSent) {
  TestServer server;
  server.Post("/api/v1/namespaces/default/serviceaccounts", R"({"metadata":{"name":"default"}})");
  Reply pod = server.Post(kPods, R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  ASSERT_EQ(pod.status, 201) << pod.body;
  const json::Value created = pod.Json();
  const json::Value& fields = created.at("metadata").at("managedFields").at(0).at("fieldsV1");
  const json::Object& spec = fields.at("f:spec").as_object();
  // Defaults are the client's, what admission adds is nobody's; a required list is there before it is written.
  EXPECT_TRUE(spec.contains("f:restartPolicy"));
  EXPECT_FALSE(spec.contains("f:tolerations"));
  EXPECT_FALSE(spec.contains("f:priority"));
  EXPECT_FALSE(spec.at("f:containers").as_object().contains("."));
}

TEST(Facts, DeploymentsCountAnnotationsAsChanges) {
  TestServer server;
  server.Post(kDeployments, R"({"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":)"
                            R"({"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  auto generation = [&](std::string_view rest, std::string_view body) {
    Reply reply = server.Patch(fmt::format("{}/d{}", kDeployments, rest), "merge-patch+json", std::string(body));
    return reply.Json().at("metadata").at("generation").to_number<int>();
  };
  EXPECT_EQ(generation("", R"({"metadata":{"labels":{"x":"y"}}})"), 1);
  EXPECT_EQ(generation("", R"({"metadata":{"annotations":{"deployment.kubernetes.io/revision":"1"}}})"), 1);
  EXPECT_EQ(generation("", R"({"metadata":{"annotations":{"x":"y"}}})"), 2);
  EXPECT_EQ(generation("/status", R"({"metadata":{"annotations":{"x":"z"},"labels":{"q":"r"}}})"), 2);
  EXPECT_EQ(json::Find(server.Get(fmt::format("{}/d", kDeployments)).Json(), "metadata", "labels", "q"), nullptr);
}

TEST(Facts, EveryAnswerHasAnAuditId) {
  TestServer server;
  EXPECT_EQ(server.Get("/version").headers.Get("audit-id").size(), 36);
  EXPECT_EQ(server.Get("/api/v1/nope").headers.Get("audit-id").size(), 36);
  EXPECT_EQ(server.Do("GET", kMaps, "", {{"audit-id", "mine"}}).headers.Get("audit-id"), "mine");
  EXPECT_NE(server.Do("GET", kMaps, "", {{"audit-id", std::string(65, 'x')}}).headers.Get("audit-id").size(), 65);
}

TEST(Facts, EndpointsAreOldFashioned) {
  TestServer server;
  EXPECT_EQ(server.Get("/api/v1/endpoints").headers.Get("warning"),
            R"(299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")");
  EXPECT_FALSE(server.Get("/api/v1/pods").headers.Has("warning"));
}

}  // namespace
}  // namespace sampan::apiserver
