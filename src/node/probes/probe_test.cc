#include "node/probes/probe.h"

#include <gtest/gtest.h>

namespace sampan::node {
namespace {

TEST(ProbeCounter, Thresholds) {
  api::core::Probe probe;
  probe.success_threshold = 2;
  probe.failure_threshold = 3;
  ProbeCounter counter(probe);
  // Outcomes, and the verdict after each: '+' well, '-' not, '.' none yet.
  const std::string outcomes = "1101000011";
  std::string said;
  for (char outcome : outcomes) {
    std::optional<bool> verdict = counter.Observe(outcome == '1');
    said += !verdict ? '.' : *verdict ? '+' : '-';
  }
  EXPECT_EQ(said, ".+....--.+");
}

TEST(ProbeCounter, DefaultsAreOneAndThree) {
  ProbeCounter counter{api::core::Probe()};
  EXPECT_EQ(counter.Observe(false), std::nullopt);
  EXPECT_EQ(counter.Observe(false), std::nullopt);
  EXPECT_EQ(counter.Observe(false), false);
  EXPECT_EQ(counter.Observe(true), true);
}

TEST(ResolvePort, NumbersAndNames) {
  api::core::Container container;
  container.ports = {{.name = "http", .container_port = 8080}};
  EXPECT_EQ(ResolvePort(api::IntOrString(80), container).value_or(0), 80);
  EXPECT_EQ(ResolvePort(api::IntOrString("http"), container).value_or(0), 8080);
  EXPECT_EQ(ResolvePort(api::IntOrString("9090"), container).value_or(0), 9090);
  EXPECT_FALSE(ResolvePort(api::IntOrString("none"), container));
  EXPECT_FALSE(ResolvePort(api::IntOrString(0), container));
  EXPECT_FALSE(ResolvePort(api::IntOrString(70000), container));
}

TEST(GrpcHealth, Answers) {
  struct Case {
    net::GrpcAnswer answer;
    bool ok;
    std::string_view output;
  };
  const Case cases[] = {
      {{0, "", "\x08\x01"}, true, ""},
      {{0, "", "\x08\x02"}, false, "service unhealthy (responded with \"NOT_SERVING\")"},
      {{0, "", ""}, false, "service unhealthy (responded with \"UNKNOWN\")"},
      {{0, "", "\x08"}, false, "service unhealthy (responded with \"UNKNOWN\")"},
      {{12, "unknown service", ""},
       false,
       "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service"},
      {{5, "unknown service x", ""}, false, "error: health rpc probe failed: rpc error: code = 5 desc = unknown service x"},
  };
  for (const Case& one : cases) {
    ProbeOutcome outcome = HealthOutcome(one.answer);
    EXPECT_EQ(outcome.ok, one.ok) << one.output;
    EXPECT_EQ(outcome.output, one.output);
  }
  EXPECT_EQ(HealthRequest(""), "");
  EXPECT_EQ(HealthRequest("db"),
            "\x0a\x02"
            "db");
}

}  // namespace
}  // namespace sampan::node
