#include "api/apply/managed_fields.h"

#include <gtest/gtest.h>

namespace sampan::api {
namespace {

json::Value J(std::string_view text) {
  return boost::json::parse(text);
}
const KindInfo& Kind(std::string_view api_version, std::string_view kind) {
  return *FindKind(api_version, kind);
}
const WallTime kT1 = *ParseTime("2026-01-01T00:00:00Z");
const WallTime kT2 = *ParseTime("2026-01-02T00:00:00Z");

FieldManager Manager(std::string name, WallTime now = kT1) {
  return {.name = std::move(name), .subresource = {}, .now = now};
}

// "manager/operation fields" a line.
std::string Owners(const json::Value& object) {
  std::string text;
  const json::Value* list = json::Find(object, "metadata", "managedFields");
  if (list == nullptr) return text;
  for (const json::Value& entry : list->get_array()) {
    text += fmt::format("{}/{} {}\n", std::string(entry.at("manager").as_string()),
                        std::string(entry.at("operation").as_string()), json::Serialize(entry.at("fieldsV1")));
  }
  return text;
}

json::Value Applied(const KindInfo& kind, std::string manager, const json::Value& live, std::string_view config,
                    ApplyForce force = ApplyForce::kNo, WallTime now = kT1) {
  auto result = Apply(kind, Manager(std::move(manager), now), force, live, J(config));
  EXPECT_TRUE(result) << (result ? "" : result.error().message());
  return result ? *result : json::Value();
}

TEST(ManagedFields, Create) {
  json::Value object = J(R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"n","uid":"u",
      "creationTimestamp":"t","labels":{"x":"y"},"managedFields":[{"manager":"fake"}]},"data":{"k":"v"}})");
  TrackCreate(Kind("v1", "ConfigMap"), Manager("kubectl"), object);
  EXPECT_EQ(Owners(object),
            "kubectl/Update {\"f:metadata\":{\"f:labels\":{\".\":{},\"f:x\":{}}},\"f:data\":{\".\":{},\"f:k\":{}}}\n");
  const json::Value& entry = object.at("metadata").at("managedFields").at(0);
  EXPECT_EQ(entry.at("apiVersion").as_string(), "v1");
  EXPECT_EQ(entry.at("time").as_string(), "2026-01-01T00:00:00Z");
  EXPECT_EQ(entry.at("fieldsType").as_string(), "FieldsV1");
}

TEST(ManagedFields, CreateLeavesStatusOut) {
  json::Value object =
      J(R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}],"restartPolicy":"Always"},
      "status":{"phase":"Pending"}})");
  TrackCreate(Kind("v1", "Pod"), Manager("m"), object);
  EXPECT_EQ(Owners(object),
            "m/Update "
            "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:name\":{},\"f:image\":{}}},"
            "\"f:restartPolicy\":{}}}\n");
}

TEST(ManagedFields, UpdatesMoveFields) {
  const KindInfo& kind = Kind("v1", "ConfigMap");
  json::Value before = J(R"({"metadata":{"name":"a"},"data":{"k":"v","l":"w"}})");
  TrackCreate(kind, Manager("one"), before);
  json::Value after = before;
  after.at("data").get_object()["k"] = "changed";
  TrackUpdate(kind, Manager("two", kT2), before, after);
  EXPECT_EQ(Owners(after), R"(one/Update {"f:data":{".":{},"f:l":{}}})"
                           "\n"
                           R"(two/Update {"f:data":{"f:k":{}}})"
                           "\n");
  json::Value same = after;
  same.at("metadata").get_object().erase("managedFields");
  TrackUpdate(kind, Manager("three", kT2), after, same);
  EXPECT_EQ(json::Serialize(same.at("metadata").at("managedFields")),
            json::Serialize(after.at("metadata").at("managedFields")));
  json::Value gone = after;
  gone.at("data").get_object().erase("k");
  TrackUpdate(kind, Manager("two", kT2), after, gone);
  EXPECT_EQ(Owners(gone), R"(one/Update {"f:data":{".":{},"f:l":{}}})"
                          "\n");
  json::Value reset = after;
  reset.at("metadata").get_object()["managedFields"] = J("[{}]");
  TrackUpdate(kind, Manager("two", kT2), after, reset);
  EXPECT_EQ(Owners(reset), "");
}

TEST(ManagedFields, ManyUpdatersAreFolded) {
  const KindInfo& kind = Kind("v1", "ConfigMap");
  json::Value object = J(R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  TrackCreate(kind, Manager("m0"), object);
  for (int i = 1; i < 15; ++i) {
    json::Value after = object;
    after.at("data").get_object()[fmt::format("k{}", i)] = "x";
    TrackUpdate(kind, Manager(fmt::format("m{}", i), kT1 + std::chrono::seconds(i)), object, after);
    object = after;
  }
  EXPECT_EQ(object.at("metadata").at("managedFields").get_array().size(), 10u);
  EXPECT_NE(Owners(object).find("ancient-changes/Update"), std::string::npos);
}

TEST(Apply, CreatesAndIsIdempotent) {
  const KindInfo& kind = Kind("v1", "ConfigMap");
  constexpr const char* kConfig = R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{"k":"v"}})";
  json::Value object = Applied(kind, "me", nullptr, kConfig);
  EXPECT_EQ(Owners(object), "me/Apply {\"f:data\":{\"f:k\":{}}}\n");
  json::Value again = Applied(kind, "me", object, kConfig, ApplyForce::kNo, kT2);
  EXPECT_EQ(json::Serialize(again), json::Serialize(object));
}

TEST(Apply, RemovesWhatIsNoLongerApplied) {
  const KindInfo& kind = Kind("v1", "ConfigMap");
  json::Value object = Applied(kind, "me", nullptr, R"({"metadata":{"name":"a"},"data":{"k":"v","l":"w"}})");
  object = Applied(kind, "you", object, R"({"metadata":{"name":"a"},"data":{"l":"w"}})");
  object = Applied(kind, "me", object, R"({"metadata":{"name":"a"},"data":{}})");
  EXPECT_EQ(json::Serialize(object.at("data")), R"({"l":"w"})");
  object = Applied(kind, "you", object, R"({"metadata":{"name":"a"}})");
  EXPECT_EQ(json::Find(object, "data", "l"), nullptr);
}

constexpr const char* kDeployment =
    R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"d"},"spec":{"replicas":1,
    "selector":{"matchLabels":{"a":"b"}},"template":{"spec":{"containers":[{"name":"c","image":"i","ports":
    [{"containerPort":80,"protocol":"TCP"}]}]}}}})";

TEST(Apply, ConflictAndForce) {
  const KindInfo& kind = Kind("apps/v1", "Deployment");
  json::Value live = J(kDeployment);
  TrackCreate(kind, Manager("kubectl-client-side-apply"), live);
  constexpr const char* kConfig =
      R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"d"},"spec":{"replicas":5}})";
  auto refused = Apply(kind, Manager("me"), ApplyForce::kNo, live, J(kConfig));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), Reason::kConflict);
  EXPECT_EQ(refused.error().message(),
            "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using apps/v1: .spec.replicas");
  ASSERT_EQ(refused.error().details()->causes.size(), 1u);
  EXPECT_EQ(refused.error().details()->causes[0].type, "FieldManagerConflict");
  EXPECT_EQ(refused.error().details()->causes[0].field, ".spec.replicas");
  json::Value forced = Applied(kind, "me", live, kConfig, ApplyForce::kYes);
  EXPECT_EQ(forced.at("spec").at("replicas").as_int64(), 5);
  EXPECT_NE(Owners(forced).find("me/Apply {\"f:spec\":{\"f:replicas\":{}}}"), std::string::npos);
  EXPECT_EQ(Owners(forced).find("kubectl-client-side-apply/Update {\"f:spec\":{\"f:replicas\""), std::string::npos);
}

TEST(Apply, SeveralConflicts) {
  const KindInfo& kind = Kind("v1", "ConfigMap");
  json::Value live = J(R"({"metadata":{"name":"a"},"data":{"k":"v","l":"w"}})");
  TrackCreate(kind, Manager("one"), live);
  auto refused = Apply(kind, Manager("me"), ApplyForce::kNo, live, J(R"({"data":{"k":"1","l":"2"}})"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "Apply failed with 2 conflicts: conflicts with \"one\" using v1:\n- .data.k\n- .data.l");
}

TEST(Apply, EqualValuesAreShared) {
  const KindInfo& kind = Kind("v1", "ConfigMap");
  json::Value live = Applied(kind, "one", nullptr, R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  live = Applied(kind, "two", live, R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  EXPECT_EQ(Owners(live), "one/Apply {\"f:data\":{\"f:k\":{}}}\ntwo/Apply {\"f:data\":{\"f:k\":{}}}\n");
}

TEST(Apply, ListsMergeByKey) {
  const KindInfo& kind = Kind("apps/v1", "Deployment");
  json::Value live = Applied(kind, "one", nullptr, kDeployment);
  live = Applied(kind, "two", live, R"({"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s"}]}}}})");
  const json::Value& containers = live.at("spec").at("template").at("spec").at("containers");
  ASSERT_EQ(containers.get_array().size(), 2u);
  live = Applied(kind, "two", live, R"({"spec":{"template":{"spec":{}}}})");
  EXPECT_EQ(live.at("spec").at("template").at("spec").at("containers").get_array().size(), 1u);
}

TEST(Apply, TakesOverFromClientSideApply) {
  const KindInfo& kind = Kind("v1", "ConfigMap");
  json::Value live = J(R"({"metadata":{"name":"a","annotations":{"kubectl.kubernetes.io/last-applied-configuration":
      "{\"data\":{\"k\":\"v\"}}"}},"data":{"k":"v"}})");
  TrackCreate(kind, Manager("kubectl-client-side-apply"), live);
  json::Value object = Applied(kind, "kubectl", live, R"({"metadata":{"name":"a"},"data":{"k":"new"}})");
  EXPECT_EQ(object.at("data").at("k").as_string(), "new");
}

TEST(Apply, RefusesManagedFields) {
  auto refused = Apply(Kind("v1", "ConfigMap"), Manager("me"), ApplyForce::kNo, nullptr,
                       J(R"({"metadata":{"name":"a","managedFields":[{"manager":"x"}]}})"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), Reason::kBadRequest);
  EXPECT_EQ(refused.error().message(), "metadata.managedFields must be nil");
}

TEST(FieldManager, Names) {
  EXPECT_EQ(ManagerFromUserAgent("kubectl/v1.27.3 (linux/amd64) kubernetes/25b4e43"), "kubectl");
  EXPECT_EQ(ManagerFromUserAgent(""), "unknown");
  EXPECT_EQ(ManagerFromUserAgent("\xFF\xFE/1"), "\uFFFD\uFFFD");
  EXPECT_EQ(ManagerFromUserAgent("a\u200b\u0085b/1"), "ab");
  // Cut between characters, not inside one.
  EXPECT_EQ(ManagerFromUserAgent(std::string(127, 'a') + "\u00e9/1"), std::string(127, 'a'));
  auto faults = [](std::string_view name) {
    Causes causes;
    ValidateFieldManager(name, causes);
    return causes.size();
  };
  EXPECT_EQ(faults("kubectl-edit"), 0);
  EXPECT_EQ(faults(std::string(129, 'x')), 1);
  EXPECT_EQ(faults("a\nb"), 1);
  EXPECT_EQ(faults("a\u2028b"), 1);
  EXPECT_EQ(faults("caf\u00e9 \u4e2d"), 0);
  EXPECT_EQ(faults("\xFF\xFE"), 2);
}

}  // namespace
}  // namespace sampan::api
