// What stands in the audit log of which request, and in which order the gate does its steps.
#include <gtest/gtest.h>

#include "api/types/core.h"
#include "apiserver/gate/audit/policy.h"
#include "apiserver/gate/audit/rotation.h"
#include "apiserver/gate/audit/trail.h"
#include "apiserver/testing/test_server.h"
#include "async/spawn.h"
#include "base/guarded.h"
#include "client/typed.h"

namespace sampan::apiserver::audit {
namespace {

constexpr std::string_view kHead = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";

Policy PolicyOf(std::string_view text) {
  Result<Policy> policy = Policy::Parse(std::string(kHead) + std::string(text));
  EXPECT_TRUE(policy) << policy.error().message();
  return policy ? *std::move(policy) : Policy();
}

class Collector final : public Sink {
 public:
  void Write(std::string line) override { lines_.Lock()->push_back(std::move(line)); }
  Task<void> Close() override { co_return; }
  std::vector<json::Value> Take() {
    std::vector<json::Value> events;
    for (const std::string& line : std::exchange(*lines_.Lock(), {})) {
      Result<json::Value> event = json::Parse(line);
      EXPECT_TRUE(event) << line;
      if (event) events.push_back(*std::move(event));
    }
    return events;
  }

 private:
  Guarded<std::vector<std::string>> lines_;
};

class Audited : public testing::Test {
 protected:
  void Serve(std::string_view policy) {
    TestOptions options;
    options.server.audit = {std::make_shared<const Policy>(PolicyOf(policy)), sink_};
    server_ = std::make_unique<TestServer>(std::move(options));
    sink_->Take();
  }
  std::string_view Text(const json::Value& event, auto... path) { return json::FindString(json::Find(event, path...)); }

  std::shared_ptr<Collector> sink_ = std::make_shared<Collector>();
  std::unique_ptr<TestServer> server_;
};

TEST(AuditPolicy, TheFirstRuleThatMatchesDecides) {
  Policy policy = PolicyOf(R"(
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- {level: None, users: [quiet]}
- {level: None, userGroups: [quiet-group]}
- {level: Metadata, resources: [{group: "", resources: [secrets, "pods/log"]}], omitStages: [Panic]}
- {level: Request, resources: [{group: apps, resources: ["deployments/*"], resourceNames: [web]}], omitManagedFields: false}
- {level: Request, verbs: [delete], namespaces: [kube-system]}
- {level: Request, resources: [{group: batch}]}
- {level: Request, resources: [{group: "", resources: ["*/scale"]}]}
- {level: RequestResponse, nonResourceURLs: ["/metrics", "/open*"]}
- {level: Metadata, namespaces: [""], verbs: [watch]}
)");
  auth::UserInfo anyone{"anyone", "", {"group"}, {}};
  auth::UserInfo quiet{"quiet", "", {}, {}};
  auth::UserInfo member{"member", "", {"quiet-group"}, {}};
  auto resource = [&](std::string_view verb, std::string_view group, std::string_view name, std::string_view sub = "") {
    auth::Attributes a{.user = &anyone, .verb = verb, .group = group, .resource = name, .subresource = sub};
    a.namespace_ = "default";
    a.name = "web";
    a.resource_request = true;
    return a;
  };
  auth::Attributes by_quiet = resource("get", "", "secrets");
  by_quiet.user = &quiet;
  auth::Attributes by_member = by_quiet;
  by_member.user = &member;
  auth::Attributes other_name = resource("get", "apps", "deployments", "status");
  other_name.name = "other";
  auth::Attributes system = resource("delete", "", "pods");
  system.namespace_ = "kube-system";
  auth::Attributes nodes = resource("watch", "", "nodes");
  nodes.namespace_ = "";
  auth::Attributes metrics{.user = &anyone, .verb = "get", .path = "/metrics"};
  auth::Attributes openapi{.user = &anyone, .verb = "get", .path = "/openapi/v2"};
  auth::Attributes version{.user = &anyone, .verb = "get", .path = "/version"};
  const std::pair<auth::Attributes, Level> cases[] = {
      {by_quiet, Level::kNone},
      {by_member, Level::kNone},
      {resource("get", "", "secrets"), Level::kMetadata},
      {resource("get", "apps", "secrets"), Level::kNone},
      {resource("get", "", "pods", "log"), Level::kMetadata},
      {resource("get", "", "pods"), Level::kNone},
      {resource("get", "apps", "deployments", "status"), Level::kRequest},
      {resource("get", "apps", "deployments"), Level::kRequest},
      {other_name, Level::kNone},
      {system, Level::kRequest},
      {resource("get", "batch", "jobs"), Level::kRequest},
      {resource("get", "", "things", "scale"), Level::kRequest},
      {nodes, Level::kMetadata},
      {metrics, Level::kRequestResponse},
      {openapi, Level::kRequestResponse},
      {version, Level::kNone},
  };
  for (const auto& [attributes, level] : cases) {
    EXPECT_EQ(policy.Decide(attributes).level, level) << attributes.verb << attributes.resource << attributes.path;
  }
  Verdict secrets = policy.Decide(resource("get", "", "secrets"));
  EXPECT_TRUE(secrets.omitted.Has(Stage::kRequestReceived));
  EXPECT_TRUE(secrets.omitted.Has(Stage::kPanic));
  EXPECT_FALSE(secrets.omitted.Has(Stage::kResponseComplete));
  EXPECT_EQ(secrets.managed_fields, ManagedFields::kOmitted);
  EXPECT_EQ(policy.Decide(resource("get", "apps", "deployments", "status")).managed_fields, ManagedFields::kKept);
}

TEST(AuditPolicy, SaysWhatIsWrongInOneLine) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "no audit policy"},
      {"kind: Policy\nrules: [{level: None}]\n", "want audit.k8s.io/v1, Policy"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\n", "rules: Required value"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n", "rules: Required value"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{}]\n", "rules[0].level: Required value"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: All}]\n", "rules[0].level: Unsupported value: \"All\""},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, user: [a]}]\n", "rules[0].user: Forbidden"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, users: a}]\n", "rules[0].users: Invalid value"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, omitStages: [Begun]}]\n",
       "rules[0].omitStages[0]: Unsupported value"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, nonResourceURLs: [metrics]}]\n",
       "must begin with a '/' character"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, nonResourceURLs: [\"/a*b\"]}]\n",
       "must be the final character"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]\n",
       "cannot apply to both"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, resources: [{group: apps/v1}]}]\n",
       "without its version"},
      {"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, resources: [{resourceNames: [a]}]}]\n",
       "requires at least one resource"},
  };
  for (const auto& [text, message] : cases) {
    Result<Policy> policy = Policy::Parse(text);
    ASSERT_FALSE(policy) << text;
    EXPECT_NE(policy.error().message().find(message), std::string::npos) << text << policy.error().message();
    EXPECT_EQ(policy.error().message().find('\n'), std::string::npos) << policy.error().message();
  }
}

TEST_F(Audited, MetadataTellsWhoDidWhat) {
  Serve("rules: [{level: Metadata}]");
  server_->Do("POST", std::string(kMaps) + "?fieldManager=m", R"({"metadata":{"name":"x"}})",
              {{"user-agent", "tester/1"}, {"audit-id", "one"}, {"x-forwarded-for", "192.0.2.7, junk"}});
  std::vector<json::Value> events = sink_->Take();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(Text(events[0], "stage"), "RequestReceived");
  EXPECT_EQ(json::Find(events[0], "responseStatus"), nullptr);
  const json::Value& done = events[1];
  EXPECT_EQ(Text(done, "kind"), "Event");
  EXPECT_EQ(Text(done, "apiVersion"), "audit.k8s.io/v1");
  EXPECT_EQ(Text(done, "level"), "Metadata");
  EXPECT_EQ(Text(done, "auditID"), "one");
  EXPECT_EQ(Text(done, "stage"), "ResponseComplete");
  EXPECT_EQ(Text(done, "requestURI"), std::string(kMaps) + "?fieldManager=m");
  EXPECT_EQ(Text(done, "verb"), "create");
  EXPECT_EQ(Text(done, "user", "username"), "admin");
  EXPECT_EQ(json::Serialize(*json::Find(done, "sourceIPs")), R"(["192.0.2.7"])");
  EXPECT_EQ(Text(done, "userAgent"), "tester/1");
  EXPECT_EQ(json::Serialize(*json::Find(done, "objectRef")),
            R"({"resource":"configmaps","namespace":"default","name":"x","apiVersion":"v1"})");
  EXPECT_EQ(json::Serialize(*json::Find(done, "responseStatus")), R"({"metadata":{},"code":201})");
  EXPECT_EQ(json::Find(done, "requestObject"), nullptr);
  EXPECT_EQ(json::Find(done, "responseObject"), nullptr);
  EXPECT_EQ(Text(done, "annotations", "authorization.k8s.io/decision"), "allow");
  EXPECT_EQ(Text(done, "requestReceivedTimestamp"), "2026-01-01T00:00:00.000000Z");
}

TEST_F(Audited, BodiesStandInTheLevelsThatWantThem) {
  Serve(R"(
omitStages: [RequestReceived]
rules:
- {level: Metadata, resources: [{resources: [secrets]}]}
- {level: Request, verbs: [patch]}
- {level: RequestResponse, omitManagedFields: true}
)");
  server_->Post("/api/v1/namespaces/default/secrets", R"({"metadata":{"name":"s"},"stringData":{"k":"hidden"}})");
  server_->Post(kMaps, R"({"metadata":{"name":"x"},"data":{"k":"v"}})");
  server_->Patch(std::string(kMaps) + "/x", "merge-patch+json", R"({"data":{"k":"w"}})");
  server_->Do("DELETE", std::string(kMaps) + "/x", R"({"gracePeriodSeconds":3})");
  std::vector<json::Value> events = sink_->Take();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(json::Serialize(events[0]).find("hidden"), std::string::npos);
  EXPECT_EQ(Text(events[1], "requestObject", "data", "k"), "v");
  EXPECT_EQ(Text(events[1], "responseObject", "data", "k"), "v");
  EXPECT_FALSE(Text(events[1], "responseObject", "metadata", "uid").empty());
  EXPECT_EQ(json::Find(events[1], "responseObject", "metadata", "managedFields"), nullptr);
  EXPECT_EQ(Text(events[2], "requestObject", "data", "k"), "w");
  EXPECT_EQ(json::Find(events[2], "responseObject"), nullptr);
  EXPECT_EQ(json::Serialize(*json::Find(events[3], "requestObject", "gracePeriodSeconds")), "3");
  EXPECT_EQ(Text(events[3], "responseStatus", "status"), "Success");
}

// The log shows how far each request came.
TEST_F(Audited, TheStepsOfTheGateStandInTheirOrder) {
  Serve("rules: [{level: Request}]");
  struct Case {
    std::string_view user, body;
    std::vector<std::string_view> stages;
    int64_t code;
    std::string_view decision;
    bool decoded;
  };
  const Case cases[] = {
      {"expired", R"({"metadata":{"name":"x"}})", {"ResponseStarted"}, 401, "", false},
      {"nobody", R"({"metadata":{"name":"x"}})", {"RequestReceived", "ResponseComplete"}, 403, "forbid", false},
      {"admin", R"({"metadata":{"name":5}})", {"RequestReceived", "ResponseComplete"}, 400, "allow", false},
      {"admin", R"({"metadata":{"name":"X"}})", {"RequestReceived", "ResponseComplete"}, 422, "allow", true},
      {"admin", R"({"metadata":{"name":"x"}})", {"RequestReceived", "ResponseComplete"}, 201, "allow", true},
  };
  for (const Case& c : cases) {
    server_->Do("POST", kMaps, std::string(c.body), {{"x-user", std::string(c.user)}});
    std::vector<json::Value> events = sink_->Take();
    ASSERT_EQ(events.size(), c.stages.size()) << c.user << c.body;
    for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(Text(events[i], "stage"), c.stages[i]);
    const json::Value& last = events.back();
    EXPECT_EQ(json::Find(last, "responseStatus", "code")->to_number<int64_t>(), c.code);
    EXPECT_EQ(Text(last, "annotations", "authorization.k8s.io/decision"), c.decision);
    EXPECT_EQ(json::Find(last, "requestObject") != nullptr, c.decoded) << json::Serialize(last);
  }
  server_->Do("GET", kMaps, "", {{"impersonate-user", "alice"}});
  std::vector<json::Value> events = sink_->Take();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(json::Find(events[0], "impersonatedUser"), nullptr);
  EXPECT_EQ(Text(events[1], "user", "username"), "admin");
  EXPECT_EQ(Text(events[1], "impersonatedUser", "username"), "alice");
}

TEST_F(Audited, WhatIsThrownIsAPanic) {
  Serve("omitStages: [RequestReceived]\nrules: [{level: Metadata}]");
  server_->Do("GET", kMaps, "", {{"x-user", "breaker"}});
  std::vector<json::Value> events = sink_->Take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(Text(events[0], "stage"), "Panic");
}

TEST_F(Audited, ComponentsAreLoggedLikeEveryone) {
  Serve("rules: [{level: Request}]");
  auto read = SyncWait(server_->executor(), server_->client().Get(client::RefOf<api::core::Namespace>("", "default")));
  EXPECT_TRUE(read);
  std::vector<json::Value> events = sink_->Take();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(Text(events[1], "user", "username"), "system:test");
  EXPECT_EQ(Text(events[1], "verb"), "get");
  EXPECT_EQ(Text(events[1], "objectRef", "name"), "default");
  EXPECT_FALSE(Text(events[1], "auditID").empty());
}

TEST_F(Audited, WatchesHaveABeginning) {
  Serve("omitStages: [RequestReceived]\nrules: [{level: Metadata}]");
  server_->Post(kMaps, R"({"metadata":{"name":"x"}})");
  sink_->Take();
  auto watch = server_->Start(std::string(kMaps) + "?watch=1");
  ASSERT_TRUE(watch->WaitFor(R"("name":"x")"));
  std::vector<json::Value> begun = sink_->Take();
  ASSERT_EQ(begun.size(), 1u);
  EXPECT_EQ(Text(begun[0], "stage"), "ResponseStarted");
  EXPECT_EQ(Text(begun[0], "verb"), "watch");
  watch->Hangup();
  std::vector<json::Value> ended = sink_->Take();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(Text(ended[0], "stage"), "ResponseComplete");
}

TEST(AuditLog, KeepsTheNewestFiles) {
  WallTime now = *ParseTime("2026-01-10T00:00:00Z");
  EXPECT_EQ(RotatedName("/var/log/audit.log", now), "/var/log/audit-2026-01-10T00-00-00.000.log");
  const std::vector<std::string> names = {"audit.log",
                                          "audit-2026-01-01T00-00-00.000.log",
                                          "audit-2026-01-09T00-00-00.000.log",
                                          "audit-2026-01-08T00-00-00.000.log",
                                          "audit-other.log",
                                          "audit-2026-01-01T00-00-00.000.txt"};
  using Names = std::vector<std::string>;
  EXPECT_EQ(Outdated({.path = "/l/audit.log"}, names, now), Names{});
  EXPECT_EQ(Outdated({.path = "/l/audit.log", .max_age_days = 5}, names, now), Names{"audit-2026-01-01T00-00-00.000.log"});
  EXPECT_EQ(Outdated({.path = "/l/audit.log", .max_backups = 1}, names, now),
            (Names{"audit-2026-01-08T00-00-00.000.log", "audit-2026-01-01T00-00-00.000.log"}));
}

}  // namespace
}  // namespace sampan::apiserver::audit
