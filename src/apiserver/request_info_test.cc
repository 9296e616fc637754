#include "apiserver/request_info.h"

#include <array>

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
      {"GET", "/api/v1/pods", "watch=False", "list /v1 ns= pods/ name= rest="},
      {"GET", "/api/v1/pods", "watch=0", "list /v1 ns= pods/ name= rest="},
      {"GET", "/api/v1/pods/", "watch=no", "watch /v1 ns= pods/ name= rest="},
      {"GET", "/api/v1/namespaces/a/pods/b", "watch=1", "get /v1 ns=a pods/ name=b rest="},
      {"HEAD", "/api/v1/namespaces/a/pods", "", "list /v1 ns=a pods/ name= rest="},
      {"OPTIONS", "/api/v1/namespaces/a/pods", "watch=1", " /v1 ns=a pods/ name= rest="},
      {"get", "/api/v1/namespaces/a/pods", "", " /v1 ns=a pods/ name= rest="},
      {"GET", "/API/v1/pods", "", "get /API/v1/pods"},
      {"GET", "/api/v1/watch/namespaces/a/pods", "", "watch /v1 ns=a pods/ name= rest="},
      {"GET", "/api/v1/watch/namespaces/a/pods/b", "", "watch /v1 ns=a pods/ name=b rest="},
      {"GET", "/api/v1/watch/namespaces/a/pods/b/", "fieldSelector=metadata.name%3Dx", "watch /v1 ns=a pods/ name=b rest="},
      {"GET", "/api/v1/watch/namespaces/a", "", "watch /v1 ns=a namespaces/ name=a rest="},
      {"GET", "/api/v1/watch/nodes/n", "", "watch /v1 ns= nodes/ name=n rest="},
      {"GET", "/api/v1/namespaces/a%2Fpods%2Fb", "", "get /v1 ns=a pods/ name=b rest="},
      {"GET", "/api/v1/namespaces/../pods/..", "", "get /v1 ns=.. pods/ name=.. rest="},
      {"GET", "/api/v1/namespaces/a/pods", "fieldSelector=metadata.name%3Dx", "list /v1 ns=a pods/ name=x rest="},
      {"GET", "/api/v1/namespaces/a/pods", "watch=1&fieldSelector=metadata.name%3D%3Dx",
       "watch /v1 ns=a pods/ name=x rest="},
      {"GET", "/api/v1/namespaces/a/pods", "fieldSelector=metadata.name!%3Dx", "list /v1 ns=a pods/ name= rest="},
      {"GET", "/api/v1/namespaces/a/pods", "fieldSelector=spec.nodeName%3Dn,metadata.name%3Dx",
       "list /v1 ns=a pods/ name=x rest="},
      {"GET", "/api/v1/namespaces/a/pods", "fieldSelector=metadata.name%3Dx,metadata.name%3Dy",
       "list /v1 ns=a pods/ name=x rest="},
      {"GET", "/api/v1/namespaces/a/pods", "fieldSelector=metadata.name%3Dx%5C,y", "list /v1 ns=a pods/ name=x,y rest="},
      {"GET", "/api/v1/namespaces/a/pods", "fieldSelector=metadata.name%3Dx%5C", "list /v1 ns=a pods/ name= rest="},
      {"GET", "/api/v1/namespaces/a/pods", "fieldSelector=metadata.name%3Dx%2Fy", "list /v1 ns=a pods/ name= rest="},
      {"GET", "/api/v1/namespaces/a/pods", "fieldSelector=&fieldSelector=metadata.name%3Dx",
       "list /v1 ns=a pods/ name= rest="},
      {"DELETE", "/api/v1/namespaces/a/pods", "fieldSelector=metadata.name%3Dx",
       "deletecollection /v1 ns=a pods/ name= rest="},
      {"POST", "/api/v1/namespaces/a/pods", "fieldSelector=metadata.name%3Dx", "create /v1 ns=a pods/ name= rest="},
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

TEST(RequestInfo, RefusesWhatNoRouteLeadsTo) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"GET", "/api/v1/watch/namespaces/a/pods/b/status"}, {"GET", "/api/v1/watch/namespaces/a/pods/b/log"},
      {"GET", "/api/v1/watch/namespaces/a/pods/b/exec"},   {"GET", "/api/v1/watch/namespaces/a/pods/b/proxy/x"},
      {"GET", "/api/v1/watch/nodes/n/proxy/logs"},         {"POST", "/api/v1/watch/namespaces/a/pods"},
      {"DELETE", "/api/v1/watch/namespaces/a/pods/b"},     {"GET", "/api/v1/namespaces/a/pods/b/log/x"},
      {"PUT", "/api/v1/namespaces/a/finalize/x"},          {"POST", "/api/v1/namespaces/a/pods/b/exec/x"},
  };
  for (const auto& [method, path] : cases) EXPECT_FALSE(ParseRequestInfo(method, path, {})) << method << " " << path;
}

TEST(RequestInfo, TellsTheSelectorsOfManyObjectsOnly) {
  const std::array<std::string_view, 4> cases[] = {
      {"GET", "/api/v1/pods", "spec.nodeName=n", "app=a"},
      {"DELETE", "/api/v1/namespaces/a/pods", "spec.nodeName=n", "app=a"},
      {"GET", "/api/v1/watch/pods", "", ""},
      {"GET", "/api/v1/namespaces/a/pods/b", "", ""},
      {"POST", "/api/v1/namespaces/a/pods", "", ""},
  };
  Result<Query> query = Query::Parse("watch=1&fieldSelector=spec.nodeName%3Dn&labelSelector=app%3Da");
  for (const auto& [method, path, fields, labels] : cases) {
    Result<RequestInfo> info = ParseRequestInfo(method, path, *query);
    ASSERT_TRUE(info) << path;
    EXPECT_EQ(info->fields.ToString(), fields) << method << " " << path;
    EXPECT_EQ(info->labels.ToString(), labels) << method << " " << path;
  }
}

}  // namespace
}  // namespace sampan::apiserver
