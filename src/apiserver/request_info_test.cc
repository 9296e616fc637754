#include "apiserver/request_info.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {
namespace {

struct Case {
  std::string_view method, path, query;
  std::string_view expected;  // verb group/version ns resource/sub name rest, or "verb path" for other paths
};

std::string Describe(const RequestInfo& info) {
  if (!info.is_resource) return fmt::format("{} {}", info.verb, info.path);
  return fmt::format("{} {}/{} ns={} {}/{} name={} rest={}", info.verb, info.group, info.version, info.namespace_,
                     info.resource, info.subresource, info.name, info.rest);
}

TEST(RequestInfo, ReadsMethodPathAndQuery) {
  const Case cases[] = {
      {"GET", "/", "", "get /"},
      {"GET", "/api", "", "get /api"},
      {"GET", "/api/v1", "", "get /api/v1"},
      {"GET", "/apis/apps", "", "get /apis/apps"},
      {"GET", "/healthz", "", "get /healthz"},
      {"GET", "/api/v1/pods", "", "list /v1 ns= pods/ name= rest="},
      {"GET", "/api/v1/pods", "watch=true", "watch /v1 ns= pods/ name= rest="},
      {"GET", "/api/v1/pods", "watch", "watch /v1 ns= pods/ name= rest="},
      {"GET", "/api/v1/pods", "watch=false", "list /v1 ns= pods/ name= rest="},
      {"GET", "/api/v1/watch/pods", "", "watch /v1 ns= pods/ name= rest="},
      {"GET", "/api/v1/namespaces/a/pods", "fieldSelector=metadata.name%3Dx", "list /v1 ns=a pods/ name=x rest="},
      {"GET", "/api/v1/namespaces", "", "list /v1 ns= namespaces/ name= rest="},
      {"GET", "/api/v1/namespaces/a", "", "get /v1 ns=a namespaces/ name=a rest="},
      {"PUT", "/api/v1/namespaces/a/finalize", "", "update /v1 ns=a namespaces/finalize name=a rest="},
      {"PUT", "/api/v1/namespaces/a/status", "", "update /v1 ns=a namespaces/status name=a rest="},
      {"DELETE", "/api/v1/namespaces/a/pods/b", "", "delete /v1 ns=a pods/ name=b rest="},
      {"DELETE", "/api/v1/namespaces/a/pods", "", "deletecollection /v1 ns=a pods/ name= rest="},
      {"POST", "/apis/apps/v1/namespaces/a/deployments", "", "create apps/v1 ns=a deployments/ name= rest="},
      {"PATCH", "/apis/apps/v1/namespaces/a/deployments/d/scale", "", "patch apps/v1 ns=a deployments/scale name=d rest="},
      {"GET", "/api/v1/nodes/n/proxy/logs/x", "", "get /v1 ns= nodes/proxy name=n rest=logs/x"},
      {"GET", "/api/v1/namespaces/a/pods/p%2Dq/log", "", "get /v1 ns=a pods/log name=p-q rest="},
  };
  for (const Case& c : cases) {
    Result<Query> query = Query::Parse(c.query);
    ASSERT_TRUE(query);
    Result<RequestInfo> info = ParseRequestInfo(c.method, c.path, *query);
    ASSERT_TRUE(info) << c.path;
    EXPECT_EQ(Describe(*info), c.expected) << c.method << " " << c.path;
  }
  EXPECT_FALSE(ParseRequestInfo("GET", "/api/v1/%zz", {}));
}

}  // namespace
}  // namespace sampan::apiserver
