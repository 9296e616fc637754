// Events are kept once and published in two groups.
#include <gtest/gtest.h>

#include "apiserver/testing/test_server.h"

namespace sampan::apiserver {
namespace {

constexpr std::string_view kNew = "/apis/events.k8s.io/v1/namespaces/default/events";
constexpr std::string_view kOld = "/api/v1/namespaces/default/events";

std::string_view Text(const json::Value& value, auto... path) {
  return json::FindString(json::Find(value, path...));
}

std::string Event(std::string_view name, std::string_view rest = "") {
  return fmt::format(
      R"({{"metadata":{{"name":"{}"}},"regarding":{{"kind":"Pod","namespace":"default","name":"p"}},"reason":"Seen",)"
      R"("note":"it was there","type":"Normal","action":"Look","reportingController":"example.com/eye",)"
      R"("reportingInstance":"left","eventTime":"2026-01-01T00:00:00.000001Z"{}}})",
      name, rest);
}

std::string At(std::string_view base, std::string_view rest) {
  return fmt::format("{}{}", base, rest);
}

TEST(Events, AreTheSameInBothGroups) {
  TestServer server;
  Reply created = server.Post(kNew, Event("a"));
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(Text(created.Json(), "apiVersion"), "events.k8s.io/v1");
  EXPECT_EQ(Text(created.Json(), "regarding", "name"), "p");
  EXPECT_EQ(Text(created.Json(), "note"), "it was there");

  json::Value old = server.Get(At(kOld, "/a")).Json();
  EXPECT_EQ(Text(old, "apiVersion"), "v1");
  EXPECT_EQ(Text(old, "involvedObject", "name"), "p");
  EXPECT_EQ(Text(old, "message"), "it was there");
  EXPECT_EQ(Text(old, "reportingComponent"), "example.com/eye");
  EXPECT_EQ(Text(old, "metadata", "resourceVersion"), Text(created.Json(), "metadata", "resourceVersion"));
  // Ownership names fields as their writer does.
  const json::Value* managers = json::Find(old, "metadata", "managedFields");
  ASSERT_NE(managers, nullptr);
  EXPECT_EQ(Text(managers->at(0), "apiVersion"), "events.k8s.io/v1");
  EXPECT_TRUE(managers->at(0).at("fieldsV1").as_object().contains("f:note"));

  server.Post(kOld, R"({"metadata":{"name":"b"},"involvedObject":{"namespace":"default"},"message":"m","count":2,)"
                    R"("source":{"component":"c"},"lastTimestamp":"2026-01-01T00:00:00Z"})");
  json::Value fresh = server.Get(At(kNew, "/b")).Json();
  EXPECT_EQ(Text(fresh, "note"), "m");
  EXPECT_EQ(Text(fresh, "deprecatedSource", "component"), "c");
  EXPECT_EQ(fresh.at("deprecatedCount").to_number<int>(), 2);
  EXPECT_EQ(Text(fresh, "deprecatedLastTimestamp"), "2026-01-01T00:00:00Z");
}

TEST(Events, AreListedSelectedAndWatchedInTheirForm) {
  TestServer server;
  server.Post(kNew, Event("a"));
  server.Post(kNew, Event("b", R"(,"related":{"kind":"Node","name":"n"})"));
  json::Value list = server.Get(At(kNew, "?fieldSelector=regarding.name%3Dp,metadata.name%3Db")).Json();
  EXPECT_EQ(Text(list, "kind"), "EventList");
  EXPECT_EQ(Text(list, "apiVersion"), "events.k8s.io/v1");
  ASSERT_EQ(list.at("items").as_array().size(), 1);
  EXPECT_EQ(Text(list.at("items").at(0), "note"), "it was there");
  EXPECT_EQ(
      server.Get(At(kNew, "?fieldSelector=reportingController%3Dexample.com/eye")).Json().at("items").as_array().size(), 2);
  EXPECT_EQ(Text(server.Get(At(kNew, "?fieldSelector=involvedObject.name%3Dp")).Json(), "message"),
            "field label not supported: involvedObject.name");

  auto watch = server.Start(At(kNew, "?watch=true"));
  EXPECT_TRUE(watch->WaitFor("\"regarding\""));
  EXPECT_EQ(watch->Body().find("involvedObject"), std::string::npos);
  watch->Hangup();
}

TEST(Events, AreChangedAndDeletedInTheirForm) {
  TestServer server;
  server.Post(kNew, Event("a"));
  Reply patched = server.Patch(At(kNew, "/a"), "merge-patch+json",
                               R"({"series":{"count":2,"lastObservedTime":"2026-01-01T00:00:01.000000Z"}})");
  ASSERT_EQ(patched.status, 200) << patched.body;
  EXPECT_EQ(patched.Json().at("series").at("count").to_number<int>(), 2);
  EXPECT_EQ(Text(server.Get(At(kOld, "/a")).Json(), "message"), "it was there");

  Reply applied = server.Patch(At(kNew, "/c?fieldManager=m"), "apply-patch+yaml",
                               R"({"apiVersion":"events.k8s.io/v1","kind":"Event",)" + Event("c").substr(1));
  EXPECT_EQ(applied.status, 201) << applied.body;
  EXPECT_EQ(Text(server.Get(At(kOld, "/c")).Json(), "involvedObject", "name"), "p");

  EXPECT_EQ(server.Do("DELETE", At(kNew, "/a")).status, 200);
  EXPECT_EQ(Text(server.Get(At(kNew, "/a")).Json(), "message"), "events.events.k8s.io \"a\" not found");
  EXPECT_EQ(server.Do("DELETE", kNew).status, 200);
  EXPECT_TRUE(server.Get(kOld).Json().at("items").as_array().empty());
}

TEST(Events, OfTheNewGroupAreStricter) {
  TestServer server;
  struct Case {
    std::string_view body, message;
  };
  const Case cases[] = {
      {R"({"metadata":{"name":"e"}})", R"(Event "e" is invalid: [)"
                                       R"(eventTime: Required value, type: Invalid value: "": has invalid value: ])"},
      {R"({"metadata":{"name":"e"},"regarding":{"namespace":"default"},"eventTime":"2020-01-01T00:00:00.000001Z",)"
       R"("type":"Normal","reason":"r","action":"a","reportingController":"c","reportingInstance":"i",)"
       R"("deprecatedCount":1,"series":{"count":1}})",
       R"(Event "e" is invalid: [series.count: Invalid value: "": should be at least 2, )"
       R"(series.lastObservedTime: Required value, count: Invalid value: "": needs to be unset])"},
  };
  for (const Case& c : cases) {
    Reply reply = server.Post(kNew, std::string(c.body));
    EXPECT_EQ(reply.status, 422) << c.body;
    EXPECT_EQ(Text(reply.Json(), "message"), c.message);
  }
  server.Post(kNew, Event("e"));
  Reply changed = server.Patch(At(kNew, "/e"), "merge-patch+json", R"({"note":"other"})");
  EXPECT_EQ(Text(changed.Json(), "message"), R"(Event "e" is invalid: message: Invalid value: "other": field is immutable)");
}

}  // namespace
}  // namespace sampan::apiserver
