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

}  // namespace
}  // namespace sampan::node
