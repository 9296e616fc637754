// What the gate refuses, and that a refused request has done nothing.
#include "apiserver/gate/gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "api/types/core.h"
#include "apiserver/testing/test_server.h"
#include "async/spawn.h"
#include "base/contain.h"
#include "client/typed.h"

namespace sampan::apiserver {
namespace {

constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";

std::string Message(const Reply& reply) {
  return std::string(json::FindString(json::Find(reply.Json(), "message")));
}

struct Deletion {
  std::string_view query, body;
  int status;
  std::string_view message;  // a part of it
};

// Prints the case instead of its bytes.
void PrintTo(const Deletion& deletion, std::ostream* out) {
  *out << deletion.query << " " << deletion.body;
}

class RefusedDeletion : public testing::TestWithParam<Deletion> {};

TEST_P(RefusedDeletion, DeletesNothing) {
  const Deletion& c = GetParam();
  TestServer server;
  server.Post(kMaps, R"({"metadata":{"name":"x"}})");
  for (std::string_view target : {"/x", ""}) {
    Reply reply = server.Do("DELETE", fmt::format("{}{}{}", kMaps, target, c.query), std::string(c.body));
    EXPECT_EQ(reply.status, c.status) << target << reply.body;
    EXPECT_NE(Message(reply).find(c.message), std::string::npos) << reply.body;
    EXPECT_EQ(server.Get(std::string(kMaps) + "/x").status, 200) << target;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Options, RefusedDeletion,
    testing::Values(Deletion{"", R"({"dryRun":"All"})", 400,
                             "cannot unmarshal string into Go struct field DeleteOptions.dryRun"},
                    Deletion{"", R"({"dryRun":["all"]})", 422, "dryRun: Unsupported value"},
                    Deletion{"", R"({"dryRun":[1]})", 400, "cannot unmarshal number"},
                    Deletion{"", R"({"preconditions":{"uid":5}})", 400, "cannot unmarshal number"},
                    Deletion{"", R"({"preconditions":[{"uid":"x"}]})", 400, "cannot unmarshal array"},
                    Deletion{"", R"({"gracePeriodSeconds":"5"})", 400, "cannot unmarshal string"},
                    Deletion{"", R"({"gracePeriodSeconds":1e30})", 400, "cannot unmarshal number"},
                    Deletion{"", R"({"gracePeriodSeconds":1.5})", 400, "cannot unmarshal number"},
                    Deletion{"", R"({"propagationPolicy":5})", 400, "cannot unmarshal number"},
                    Deletion{"", R"({"propagationPolicy":"background"})", 422, "propagationPolicy: Unsupported value"},
                    Deletion{"", R"({"propagationPolicy":"Orphan","orphanDependents":true})", 422, "cannot be both set"},
                    Deletion{"", R"({"orphanDependents":"true"})", 400, "cannot unmarshal string"},
                    Deletion{"", R"({"dryrun":["All"]})", 400, "unknown field \"dryrun\""},
                    Deletion{"", R"({"preconditions":{"UID":"x"}})", 400, "unknown field \"preconditions.UID\""},
                    Deletion{"", R"({"kind":"Pod","apiVersion":"v1"})", 400, "cannot be converted to DeleteOptions"},
                    Deletion{"", R"({"kind":"DeleteOptions","apiVersion":"nobody/v1"})", 400, "no kind \"DeleteOptions\""},
                    Deletion{"", R"({"kind":5})", 400, ""}, Deletion{"", "[]", 400, ""}, Deletion{"", "5", 400, ""},
                    Deletion{"", "{", 400, ""}, Deletion{"?dryRun=all", "", 422, "dryRun"},
                    Deletion{"?dryRun=", "", 422, "dryRun"}, Deletion{"?dryRun=All&dryRun=x", "", 422, "dryRun"},
                    Deletion{"?gracePeriodSeconds=x", "", 400, "invalid syntax"},
                    Deletion{"?gracePeriodSeconds=", "", 400, "invalid syntax"},
                    Deletion{"?gracePeriodSeconds=9223372036854775808", "", 400, "value out of range"},
                    Deletion{"?propagationPolicy=background", "", 422, "propagationPolicy"},
                    Deletion{"?propagationPolicy=", "", 422, "propagationPolicy"},
                    Deletion{"?propagationPolicy=Orphan&orphanDependents=true", "", 422, "cannot be both set"},
                    Deletion{"?dryRun=x", "{}", 422, "dryRun"}, Deletion{"?timeout=soon", "", 400, "invalid timeout"}));

TEST(Gate, DeletionsDoWhatTheyAreAskedFor) {
  struct Case {
    std::string_view query, body;
    int status;
    bool gone;
  };
  const Case cases[] = {
      {"?dryRun=All", "", 200, false},
      {"?dryRun=All", "{}", 200, false},
      {"?dryRun=All", R"({"dryRun":[]})", 200, false},
      {"", R"({"dryRun":["All"]})", 200, false},
      {"?uid=other", "", 409, false},
      {"?resourceVersion=1", "", 409, false},
      {"", R"({"preconditions":{"uid":"other"}})", 409, false},
      {"", R"({"kind":"DeleteOptions","apiVersion":"meta.k8s.io/v1"})", 200, true},
      {"", R"({"kind":"DeleteOptions","apiVersion":"apps/v1","gracePeriodSeconds":-1})", 200, true},
      {"", R"({"propagationPolicy":null})", 200, true},
      {"", "null", 200, true},
      {"?dryRun=All", "null", 200, false},
      {"?propagationPolicy=Background", R"({"orphanDependents":false})", 200, true},
      {"?timeout=5s", "", 200, true},
  };
  TestServer server;
  for (const Case& c : cases) {
    server.Post(kMaps, R"({"metadata":{"name":"x"}})");
    Reply reply = server.Do("DELETE", fmt::format("{}/x{}", kMaps, c.query), std::string(c.body));
    EXPECT_EQ(reply.status, c.status) << c.query << c.body << reply.body;
    EXPECT_EQ(server.Get(std::string(kMaps) + "/x").status, c.gone ? 404 : 200) << c.query << c.body;
  }
}

TEST(Gate, OptionsThatMeanNothingRefuseTheRequest) {
  struct Case {
    std::string_view method, target, body;
    int status;
  };
  const Case cases[] = {
      {"GET", "?limit=x", "", 400},
      {"GET", "?limit=", "", 400},
      {"GET", "?limit=9223372036854775808", "", 400},
      {"GET", "?limit=-1", "", 200},
      {"GET", "?timeoutSeconds=abc", "", 400},
      {"GET", "?watch=1&timeoutSeconds=abc", "", 400},
      {"GET", "?watch=1&limit=abc", "", 400},
      {"GET", "?timeout=abc", "", 400},
      {"GET", "?watch=1&timeoutSeconds=1e3", "", 400},
      {"GET", "?sendInitialEvents=true", "", 422},
      {"GET", "?resourceVersionMatch=Exact", "", 422},
      {"DELETE", "?limit=x", "", 400},
      {"DELETE", "?sendInitialEvents=true", "", 422},
      {"DELETE", "?fieldSelector=data.x%3D1", "", 400},
      {"POST", "?dryRun=all", R"({"metadata":{"name":"new"}})", 422},
      {"POST", "?dryRun=true", R"({"metadata":{"name":"new"}})", 422},
      {"POST", "?fieldValidation=strict", R"({"metadata":{"name":"new"}})", 422},
      {"POST", "?timeout=1", R"({"metadata":{"name":"new"}})", 400},
      {"PUT", "/x?dryRun=all", R"({"metadata":{"name":"x"},"data":{"k":"changed"}})", 422},
      {"PUT", "/x?fieldValidation=Maybe", R"({"metadata":{"name":"x"},"data":{"k":"changed"}})", 422},
  };
  TestServer server;
  server.Post(kMaps, R"({"metadata":{"name":"x"}})");
  for (const Case& c : cases) {
    Reply reply = server.Do(c.method, fmt::format("{}{}", kMaps, c.target), std::string(c.body));
    EXPECT_EQ(reply.status, c.status) << c.method << c.target << reply.body;
    EXPECT_EQ(server.Get(std::string(kMaps) + "/new").status, 404) << c.target;
    EXPECT_EQ(server.Get(std::string(kMaps) + "/x").body.find("changed"), std::string::npos) << c.target;
  }
  Reply unwanted = server.Do("POST", kMaps, R"({"metadata":{"name":"new"}})", {{"accept", "text/html"}});
  EXPECT_EQ(unwanted.status, 406);
  EXPECT_EQ(server.Get(std::string(kMaps) + "/new").status, 404);
}

TEST(Gate, NoKindsAreAdded) {
  TestServer server;
  Reply reply = server.Get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(json::FindString(json::Find(reply.Json(), "kind")), "CustomResourceDefinitionList");
}

// So that refusals of all the pods of one owner say the same.
TEST(Gate, ARefusalNamesWhatTheNameIsMadeFrom) {
  TestServer server;
  Reply reply = server.Post("/api/v1/namespaces/default/pods",
                            R"({"metadata":{"generateName":"web-"},"spec":{"serviceAccountName":"absent",)"
                            R"("containers":[{"name":"c","image":"i"}]}})");
  EXPECT_EQ(reply.status, 403);
  EXPECT_NE(Message(reply).find("pods \"web-\" is forbidden"), std::string::npos) << reply.body;
}

TEST(Gate, PatchesMoveNoObject) {
  TestServer server;
  server.Post(kMaps, R"({"metadata":{"name":"x"}})");
  std::string target = std::string(kMaps) + "/x";
  struct Case {
    std::string_view type, body;
    int status;
    std::string_view message;
  };
  constexpr std::string_view kMoved =
      "the namespace of the provided object does not match the namespace sent on the request";
  const Case cases[] = {
      {"merge-patch+json", R"({"metadata":{"namespace":"other"}})", 400, kMoved},
      {"strategic-merge-patch+json", R"({"metadata":{"namespace":"other"}})", 400, kMoved},
      {"json-patch+json", R"([{"op":"replace","path":"/metadata/namespace","value":"other"}])", 400, kMoved},
      {"apply-patch+yaml", R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"other"}})", 400,
       kMoved},
      {"merge-patch+json", R"({"metadata":{"name":"other"}})", 400, "does not match the name on the URL"},
      {"merge-patch+json", R"({"metadata":{"name":null}})", 400, "name must be provided"},
      {"merge-patch+json", R"({"metadata":{"uid":"other"}})", 422, "metadata.uid: Invalid value: \"other\""},
      {"merge-patch+json", R"({"metadata":{"resourceVersion":"1"}})", 409, "the object has been modified"},
      {"merge-patch+json", R"({"metadata":{"uid":null}})", 200, ""},
  };
  for (const Case& c : cases) {
    Reply reply = server.Patch(target + (c.type[0] == 'a' ? "?fieldManager=m" : ""), c.type, std::string(c.body));
    EXPECT_EQ(reply.status, c.status) << c.body << reply.body;
    EXPECT_NE(Message(reply).find(c.message), std::string::npos) << c.body << reply.body;
  }
}

// A creation waits for its namespace's service account as long as the clock stands still.
TEST(Gate, ARequestEndsAtItsTimeLimit) {
  TestServer server;
  constexpr std::string_view kPods = "/api/v1/namespaces/default/pods";
  constexpr std::string_view kPod = R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})";
  constexpr Duration kLimit = std::chrono::milliseconds(50);
  auto running = server.StartWrite("POST", fmt::format("{}?timeout=50ms", kPods), std::string(kPod));
  while (server.clock().UntilNext().value_or(kLimit * 2) > kLimit) std::this_thread::yield();
  server.clock().Advance(kLimit);
  running->Join();
  EXPECT_EQ(running->Status(), 504);
  json::Value status = *json::Parse(running->Body());
  EXPECT_EQ(json::FindString(json::Find(status, "reason")), "Timeout");
  EXPECT_EQ(json::FindString(json::Find(status, "message")),
            "Timeout: request did not complete within the allotted timeout");
  constexpr std::string_view kInFlight = "apiserver_current_inflight_requests{request_kind=\"mutating\"} ";
  EXPECT_NE(server.Get("/metrics").body.find(std::string(kInFlight) + "1\n"), std::string::npos)
      << "work behind its deadline holds its place";
  // What has begun goes on, and may take effect.
  server.Post("/api/v1/namespaces/default/serviceaccounts", R"({"metadata":{"name":"default"}})");
  server.clock().Advance(kLimit);
  while (server.Get(std::string(kPods) + "/p").status != 200) std::this_thread::yield();
  EXPECT_NE(server.Get("/metrics").body.find("apiserver_request_terminations_total{code=\"504\"} 1"), std::string::npos);
}

TEST(Gate, NothingIsDecidedBeforeWhatDecidesItIsLoaded) {
  TestServer server({.begin = Begin::kLoading});
  const std::pair<std::string_view, std::string_view> requests[] = {
      {"GET", "/api/v1/namespaces/default/configmaps/x"},
      {"GET", "/api/v1/configmaps"},
      {"GET", "/api/v1/configmaps?watch=1"},
      {"POST", "/api/v1/namespaces/default/configmaps"},
      {"PUT", "/api/v1/namespaces/default/configmaps/x"},
      {"PATCH", "/api/v1/namespaces/default/configmaps/x"},
      {"DELETE", "/api/v1/namespaces/default/configmaps/x"},
      {"DELETE", "/api/v1/namespaces/default/configmaps"},
      {"POST", "/api/v1/namespaces/default/services"},
      {"POST", "/api/v1/namespaces/default/serviceaccounts/default/token"},
      {"GET", "/api/v1/namespaces/default/pods/x/log"},
      {"GET", "/version"},
  };
  for (const auto& [method, target] : requests) {
    Reply reply = server.Do(method, target, "{}");
    EXPECT_EQ(reply.status, 503) << method << target;
    EXPECT_EQ(reply.headers.Get("retry-after"), "1") << method << target;
  }
  EXPECT_EQ(server.Get("/livez").status, 200);
  auto created = SyncWait(server.executor(), server.client().Get(client::RefOf<api::core::Namespace>("", "default")));
  ASSERT_FALSE(created);
  EXPECT_TRUE(created.error().Is(Reason::kServiceUnavailable));
  server.Load();
  EXPECT_EQ(server.Get("/api/v1/namespaces/default").status, 200);
}

TEST(Gate, WhatIsThrownEndsOneRequest) {
  TestServer server;
  uint64_t before = EscapeCounts()["request"];
  Reply reply = server.Do("GET", kMaps, "", {{"x-user", "thrower"}});
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(json::FindString(json::Find(reply.Json(), "reason")), "InternalError") << reply.body;
  EXPECT_EQ(EscapeCounts()["request"], before + 1);
  Reply metrics = server.Get("/metrics");
  EXPECT_NE(metrics.body.find("sampan_contained_failures_total{unit=\"request\"}"), std::string::npos);
}

TEST(Gate, WhatBreaksOffIsNotAnsweredAnew) {
  TestServer server;
  server.Post(kMaps, R"({"metadata":{"name":"x"}})");
  auto before = EscapeCounts();
  server.Do("GET", kMaps, "", {{"x-user", "breaker"}});
  EXPECT_EQ(EscapeCounts()["request"], before["request"] + 1);
  auto watch = server.Start(std::string(kMaps) + "?watch=1&allowWatchBookmarks=true", {{"x-user", "breaker"}});
  watch->Join();
  EXPECT_EQ(watch->Status(), 200);
  EXPECT_EQ(EscapeCounts()["watch"], before["watch"] + 1);
  EXPECT_EQ(server.Get(std::string(kMaps) + "/x").status, 200);
}

// For each kind that is stored, by each way that could make it.
TEST(Gate, WhoMayChangeMayNotMake) {
  TestServer server;
  for (const api::KindInfo* kind : api::BuiltinKinds()) {
    if (std::ranges::find(kind->verbs, "patch") == kind->verbs.end()) continue;
    std::string root = kind->group.empty() ? "/api/v1" : fmt::format("/apis/{}/{}", kind->group, kind->version);
    std::string scope = kind->namespaced() ? "/namespaces/default" : "";
    std::string target = fmt::format("{}{}/{}/made", root, scope, kind->resource);
    std::string body =
        fmt::format(R"({{"apiVersion":"{}","kind":"{}","metadata":{{"name":"made"}}}})", kind->ApiVersion(), kind->kind);
    TestServer::HeaderList headers = {{"x-user", "changer"}, {"content-type", "application/apply-patch+yaml"}};
    Reply applied = server.Do("PATCH", target + "?fieldManager=m", body, headers);
    EXPECT_EQ(applied.status, 403) << target << applied.body;
    std::string why = fmt::format("cannot create resource \"{}\"", kind->resource);
    EXPECT_NE(Message(applied).find(why), std::string::npos) << applied.body;
    Reply put = server.Do("PUT", target, body, {{"x-user", "changer"}});
    EXPECT_TRUE(put.status == 403 || put.status == 404) << target << put.body;
    EXPECT_EQ(server.Get(target).status, 404) << target;
    for (const api::KindInfo::Subresource& sub : kind->subresources) {
      server.Do("PATCH", fmt::format("{}/{}?fieldManager=m", target, sub.name), body, headers);
      server.Do("PUT", fmt::format("{}/{}", target, sub.name), body, {{"x-user", "changer"}});
      EXPECT_EQ(server.Get(target).status, 404) << target << "/" << sub.name;
    }
  }
}

}  // namespace
}  // namespace sampan::apiserver
