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

TEST(Questions, OneCallerLeavesSomeForTheOthers) {
  Questions questions;
  std::vector<std::unique_ptr<Questions::Asked>> asked;
  auto ask = [&](const std::string& caller) {
    auto one = questions.Ask(caller);
    if (one) asked.push_back(*std::move(one));
    return one.has_value();
  };
  for (size_t i = 0; i < Questions::kOfOneCaller; ++i) EXPECT_TRUE(ask("10.244.0.2"));
  EXPECT_FALSE(ask("10.244.0.2"));
  for (size_t i = asked.size(); i < Questions::kOfAll; ++i) EXPECT_TRUE(ask(fmt::format("10.244.1.{}", i)));
  EXPECT_FALSE(ask("10.244.0.3"));
  asked.clear();
  EXPECT_TRUE(ask("10.244.0.2"));
}

}  // namespace
}  // namespace sampan::node
