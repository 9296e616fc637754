// Which objects a watch delivers, whichever way its path and its selector name them.
#include <gtest/gtest.h>

#include "apiserver/testing/test_server.h"

namespace sampan::apiserver {
namespace {

constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";

class WatchPaths : public testing::Test {
 protected:
  // "bar" comes before "foo" in every stream that has both.
  WatchPaths() {
    for (std::string_view name : {"bar", "foo"}) {
      server_.Post(kMaps, fmt::format(R"({{"metadata":{{"name":"{}"}}}})", name));
    }
  }
  TestServer server_;
};

TEST_F(WatchPaths, DeliverTheNamedObjectOnly) {
  for (std::string_view target : {
           "/api/v1/watch/namespaces/default/configmaps/foo",
           "/api/v1/watch/namespaces/default/configmaps/foo/",
           "/api/v1/watch/namespaces/default/configmaps/foo?fieldSelector=metadata.name%3Dfoo",
           "/api/v1/watch/namespaces/default/configmaps/foo?fieldSelector=metadata.namespace%3Ddefault,metadata.name%3Dfoo",
           "/api/v1/watch/namespaces/default/configmaps/foo?labelSelector=",
           "/api/v1/namespaces/default/configmaps?watch=1&fieldSelector=metadata.name%3Dfoo",
           "/api/v1/configmaps?watch=1&fieldSelector=metadata.name%3Dfoo,metadata.namespace%3Ddefault",
       }) {
    auto watch = server_.Start(target);
    EXPECT_TRUE(watch->WaitFor(R"("name":"foo")")) << target;
    EXPECT_EQ(watch->Body().find(R"("name":"bar")"), std::string::npos) << target;
  }
}

TEST_F(WatchPaths, RefuseASelectorThatMeansOthers) {
  for (std::string_view selector : {"metadata.namespace%3Ddefault", "metadata.name!%3Dzzz", "metadata.name%3Dbar",
                                    "metadata.name%3Dbar,metadata.name%3Dfoo", "metadata.name!%3Dfoo"}) {
    Reply reply = server_.Get(fmt::format("/api/v1/watch/namespaces/default/configmaps/foo?fieldSelector={}", selector));
    EXPECT_EQ(reply.status, 400) << selector;
    EXPECT_EQ(json::FindString(json::Find(reply.Json(), "message")),
              "fieldSelector metadata.name doesn't match requested name")
        << selector;
  }
}

TEST_F(WatchPaths, AreThoseOfObjectsAlone) {
  const std::tuple<std::string_view, std::string_view, int> cases[] = {
      {"GET", "/api/v1/watch/configmaps/foo", 404},
      {"GET", "/api/v1/watch/namespaces/default/configmaps/foo/status", 404},
      {"GET", "/api/v1/watch/namespaces/default/pods/foo/log", 404},
      {"POST", "/api/v1/watch/namespaces/default/configmaps", 405},
      {"GET", "/api/v1/namespaces/default/pods/foo/log/more", 404},
  };
  for (const auto& [method, target, status] : cases) {
    EXPECT_EQ(server_.Do(method, target).status, status) << method << " " << target;
  }
}

}  // namespace
}  // namespace sampan::apiserver
