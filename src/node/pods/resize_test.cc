#include "node/pods/resize.h"

#include <gtest/gtest.h>

namespace sampan::node {
namespace {

using api::core::PodSpec;

PodSpec SpecOf(std::string_view requests) {
  return *api::FromJsonText<PodSpec>(
      fmt::format(R"({{"containers":[{{"name":"a","resources":{{"requests":{}}}}}]}})", requests));
}

api::Map<api::Quantity> Allocatable() {
  api::Map<api::Quantity> out;
  out["cpu"] = *api::Quantity::Parse("4");
  out["memory"] = *api::Quantity::Parse("8Gi");
  return out;
}

TEST(ResizeObstacle, Table) {
  struct Case {
    const char* name;
    const char* requests;
    int64_t others_milli_cpu;
    const char* want;
  };
  const Case cases[] = {
      {"fits", R"({"cpu":"2","memory":"1Gi"})", 1000, ""},
      {"fits exactly", R"({"cpu":"3"})", 1000, ""},
      {"more than the node has", R"({"cpu":"5"})", 0, "Infeasible"},
      {"more memory than the node has", R"({"memory":"9Gi"})", 0, "Infeasible"},
      {"more than others leave", R"({"cpu":"3500m"})", 1000, "Deferred"},
  };
  for (const Case& one : cases) {
    auto obstacle = ResizeObstacle(SpecOf(one.requests), Allocatable(),
                                   [&](std::string_view resource) { return resource == "cpu" ? one.others_milli_cpu : 0; });
    EXPECT_EQ(obstacle ? obstacle->reason : "", one.want) << one.name;
  }
}

TEST(AppliedSpec, HasWhatRunningContainersWereGiven) {
  PodMemory memory;
  memory.Ensure("a").applied_to = "a-0";
  memory.Ensure("a").applied.requests["cpu"] = *api::Quantity::Parse("1");
  PodSpec applied = AppliedSpec(SpecOf(R"({"cpu":"2"})"), memory);
  EXPECT_EQ(applied.containers[0].resources->requests.Find("cpu")->MilliValue(), 1000);
  EXPECT_EQ(AppliedSpec(SpecOf(R"({"cpu":"2"})"), {}).containers[0].resources->requests.Find("cpu")->MilliValue(), 2000);
}

TEST(Widest, AllowsBoth) {
  os::CgroupLimits small, large, none;
  small.cpu_shares = 100, small.cpu_quota_microseconds = 1000, small.memory_bytes = 10;
  large.cpu_shares = 200, large.cpu_quota_microseconds = 500, large.memory_bytes = 20;
  os::CgroupLimits both = Widest(small, large);
  EXPECT_EQ(*both.cpu_shares, 200u);
  EXPECT_EQ(*both.cpu_quota_microseconds, 1000);
  EXPECT_EQ(*both.memory_bytes, 20);
  EXPECT_EQ(*Widest(small, none).memory_bytes, -1);
}

}  // namespace
}  // namespace sampan::node
