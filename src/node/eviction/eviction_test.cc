#include "node/eviction/eviction.h"

#include <gtest/gtest.h>

#include "os/testing.h"

namespace sampan::node {
namespace {

using api::core::PodSpec;

PodSpec Spec(const char* memory_request, int32_t priority) {
  PodSpec spec = *api::FromJsonText<PodSpec>(
      fmt::format(R"({{"containers":[{{"name":"a","resources":{{"requests":{{"memory":"{}"}}}}}}]}})", memory_request));
  spec.priority = priority;
  return spec;
}

TEST(PlanEviction, Table) {
  PodSpec small = Spec("10Mi", 0), large = Spec("100Mi", 0), important = Spec("10Mi", 1000);
  constexpr int64_t kMi = 1 << 20;
  auto candidate = [](std::string uid, const PodSpec& spec, int64_t memory, int64_t disk = 0, bool critical = false) {
    return EvictionCandidate{std::move(uid), &spec, memory * kMi, disk * kMi, critical};
  };
  const Pressure memory{.memory = true}, disk{.disk = true}, none;
  struct Case {
    const char* name;
    Pressure pressure;
    std::vector<EvictionCandidate> candidates;
    const char* chosen;
  } cases[] = {
      {"no pressure, nobody", none, {candidate("a", small, 50)}, ""},
      {"nobody to end", memory, {}, ""},
      {"the biggest excess", memory, {candidate("a", small, 50), candidate("b", small, 90)}, "b"},
      {"within its request comes last", memory, {candidate("a", large, 90), candidate("b", small, 11)}, "b"},
      {"the lower priority first", memory, {candidate("a", important, 90), candidate("b", small, 11)}, "b"},
      {"critical pods stay", memory, {candidate("a", small, 90, 0, true), candidate("b", large, 1)}, "b"},
      {"disk counts disk", disk, {candidate("a", small, 90, 1), candidate("b", small, 1, 9)}, "b"},
  };
  for (const Case& one : cases) {
    auto eviction = PlanEviction(one.pressure, one.candidates);
    EXPECT_EQ(eviction ? eviction->uid : "", one.chosen) << one.name;
  }
}

TEST(PodDiskBytes, AreThoseOfEmptyDirsAndLogs) {
  os::TempDir dir;
  const Paths paths{.data = dir / "data", .run = dir / "run", .logs = dir / "logs"};
  const api::core::Pod pod = *api::FromJsonText<api::core::Pod>(R"({"metadata":{"name":"web","namespace":"shop","uid":"u1"},
      "spec":{"containers":[],"volumes":[{"name":"a","emptyDir":{}},{"name":"m","emptyDir":{"medium":"Memory"}},
      {"name":"h","hostPath":{"path":"/"}}]}})");
  EXPECT_EQ(PodDiskBytes(paths, pod), 0);
  const std::string volumes = paths.Volumes("u1") + "/kubernetes.io~empty-dir";
  for (const std::string& file :
       {volumes + "/a/deep/er/f", volumes + "/m/f", paths.PodLogs("shop", "web", "u1") + "/c/0.log"}) {
    ASSERT_TRUE(os::MakeDirs(std::string(os::DirName(file))));
    ASSERT_TRUE(os::WriteFileAtomic(file, std::string(1'000'000, 'x')));
  }
  EXPECT_GE(PodDiskBytes(paths, pod), 2'000'000);
  EXPECT_LE(PodDiskBytes(paths, pod), 2'100'000);
}

TEST(RemovableContainers, AreThoseOfEndedPods) {
  RuntimePod runtime;
  for (auto [id, state] : {std::pair("a", cri::ContainerState::kExited), std::pair("b", cri::ContainerState::kRunning)}) {
    cri::Container container;
    container.id = id;
    container.state = state;
    runtime.containers.push_back(std::move(container));
  }
  api::core::Pod pod;
  for (auto [phase, removable] : {std::pair("Running", 0U), std::pair("Failed", 1U), std::pair("Succeeded", 1U)}) {
    pod.status.phase = phase;
    EXPECT_EQ(RemovableContainers(pod, runtime).size(), removable) << phase;
  }
}

}  // namespace
}  // namespace sampan::node
