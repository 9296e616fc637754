#include "apiserver/proxy/proxy_target.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {
namespace {

TEST(ProxyTarget, IsOneLineWhateverThePathSays) {
  struct Case {
    std::string_view path, query, expected;
  };
  const Case cases[] = {
      {"/api/v1/namespaces/n/pods/p/proxy", "", "/"},
      {"/api/v1/namespaces/n/pods/p/proxy/", "", "/"},
      {"/api/v1/namespaces/n/pods/p/proxy/a/b/", "x=1&y=%20", "/a/b/?x=1&y=%20"},
      {"/api/v1/namespaces/n/pods/p/proxy/a%0d%0ab", "", "/a%0d%0ab"},
      {"/api/v1/namespaces/n/pods/p/proxy/a%2Fb//c", "", "/a%2Fb//c"},
      {"/api/v1//namespaces/n/pods/p/proxy/a%0d%0aX-Evil:%201", "", "/a%0D%0AX-Evil%3A%201"},
      {"/api/v1/namespaces/n//pods/p/proxy/a%20HTTP/1.1%0d%0a/", "", "/a%20HTTP/1.1%0D%0A/"},
      {"/api/v1/namespaces/n/pods/%70/proxy/a", "", "/a"},
      {"/api/v1/nodes/n:9100/proxy/metrics", "", "/metrics"},
      {"/api/v1/namespaces/n/services/https:s:web/proxy/x", "", "/x"},
  };
  for (const Case& c : cases) {
    Result<RequestInfo> info = ParseRequestInfo("GET", c.path, {});
    ASSERT_TRUE(info) << c.path;
    EXPECT_EQ(ProxyTarget(c.path, c.query, *info), c.expected) << c.path;
  }
}

}  // namespace
}  // namespace sampan::apiserver
