#include "node/server/access.h"

#include <gtest/gtest.h>

#include <fmt/ranges.h>

namespace sampan::node {
namespace {

TEST(AccessNeedOf, VerbsAndSubresources) {
  struct Case {
    std::string_view method, path, want;
  };
  const Case cases[] = {
      {"GET", "/pods", "get pods,proxy"},
      {"GET", "/runningpods/", "get pods,proxy"},
      {"GET", "/metrics", "get metrics"},
      {"GET", "/metrics/resource", "get metrics"},
      {"GET", "/metricsx", "get proxy"},
      {"GET", "/stats/summary", "get stats"},
      {"GET", "/logs/syslog", "get log"},
      {"GET", "/configz", "get configz,proxy"},
      {"GET", "/containerLogs/ns/pod/c", "get proxy"},
      {"POST", "/exec/ns/pod/c", "create proxy"},
      {"GET", "/exec/ns/pod/c", "create proxy"},
      {"GET", "/attach/ns/pod/uid/c", "create proxy"},
      {"GET", "/portForward/ns/pod", "create proxy"},
      {"GET", "/execx", "get proxy"},
      {"PUT", "/run/ns/pod/c", "update proxy"},
      {"DELETE", "/x", "delete proxy"},
  };
  for (const Case& one : cases) {
    AccessNeed need = AccessNeedOf(one.method, one.path);
    EXPECT_EQ(fmt::format("{} {}", need.verb, fmt::join(need.subresources, ",")), one.want) << one.method << " " << one.path;
  }
}

}  // namespace
}  // namespace sampan::node
