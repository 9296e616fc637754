#include "node/pods/status.h"

#include <gtest/gtest.h>

#include "codec/json.h"

namespace sampan::node {
namespace {

using api::core::ContainerStatus;
using api::core::Pod;
using api::core::PodStatus;
using std::chrono::seconds;

const WallTime kNow = *ParseTime("2026-01-01T12:00:00Z");
const std::string kHostIp = "192.0.2.1";

Pod MakePod(std::string_view spec, std::string_view status = "{}") {
  Pod pod = *api::FromJsonText<Pod>(fmt::format(R"({{"metadata":{{"generation":3}},"spec":{},"status":{}}})", spec, status));
  pod.metadata.name = "web";
  pod.metadata.namespace_ = "default";
  pod.metadata.uid = "u1";
  return pod;
}

cri::Sandbox Ready() {
  cri::Sandbox sandbox;
  sandbox.id = "s0";
  sandbox.state = cri::SandboxState::kReady;
  sandbox.ips = {"10.0.0.9"};
  return sandbox;
}

cri::Sandbox Ended() {
  cri::Sandbox sandbox = Ready();
  sandbox.state = cri::SandboxState::kNotReady;
  return sandbox;
}

cri::Container Ran(std::string name, uint32_t attempt, cri::ContainerState state, int32_t code = 0) {
  cri::Container container;
  container.id = fmt::format("{}-{}", name, attempt);
  container.name = std::move(name);
  container.attempt = attempt;
  container.state = state;
  container.exit_code = code;
  container.sandbox_id = "s0";
  container.started_at = kNow - seconds(60);
  container.finished_at = kNow - seconds(1);
  container.reason = code == 0 ? "Completed" : "Error";
  return container;
}

PodMemory Probed(const std::string& container, const std::string& id, bool started, bool ready) {
  PodMemory memory;
  memory.Ensure(container).probes = {id, started, ready, {}};
  return memory;
}

std::string Say(const std::vector<ContainerStatus>& statuses) {
  std::string out;
  for (const ContainerStatus& status : statuses) {
    if (!out.empty()) out += ", ";
    out += status.name + " ";
    if (status.state->running) out += "running";
    if (status.state->waiting) out += status.state->waiting->reason;
    if (status.state->terminated)
      out += fmt::format("{}({})", status.state->terminated->reason, status.state->terminated->exit_code);
    if (status.last_state && status.last_state->terminated)
      out += fmt::format(" after {}", status.last_state->terminated->exit_code);
    if (status.restart_count > 0) out += fmt::format(" x{}", status.restart_count);
    if (status.ready) out += " ready";
  }
  return out;
}

std::string Condition(const PodStatus& status, std::string_view type) {
  for (const auto& condition : status.conditions) {
    if (condition.type == type) return condition.status + (condition.reason.empty() ? "" : " " + condition.reason);
  }
  return "absent";
}

struct Case {
  const char* name;
  const char* spec;
  RuntimePod runtime;
  PodMemory memory;
  const char* phase;
  const char* containers;
  const char* ready;
};

const char kOne[] = R"({"restartPolicy":"Always","containers":[{"name":"a"}]})";
const char kNever[] = R"({"restartPolicy":"Never","containers":[{"name":"a"}]})";
const char kInitNever[] = R"({"restartPolicy":"Never","initContainers":[{"name":"i"}],"containers":[{"name":"a"}]})";
const char kTwo[] = R"({"restartPolicy":"Always","containers":[{"name":"a"},{"name":"b"}]})";
const char kInit[] = R"({"restartPolicy":"Always","initContainers":[{"name":"i"}],"containers":[{"name":"a"}]})";

constexpr auto kRunning = cri::ContainerState::kRunning;
constexpr auto kExited = cri::ContainerState::kExited;

TEST(BuildPodStatus, Table) {
  PodMemory image;
  image.Ensure("a").waiting = WaitingReason{"ErrImagePull", "no such image"};
  PodMemory crash;
  crash.Ensure("a").restarts = {seconds(10), kNow};
  std::vector<Case> cases = {
      {"nothing yet", kOne, {}, {}, "Pending", "a ContainerCreating", "False ContainersNotReady"},
      {"initialising",
       kInit,
       {{Ready()}, {Ran("i", 0, kRunning)}},
       {},
       "Pending",
       "a PodInitializing",
       "False ContainersNotReady"},
      {"initialization failed for good",
       kInitNever,
       {{Ended()}, {Ran("i", 0, kExited, 3)}},
       {},
       "Failed",
       "a PodInitializing",
       "False PodFailed"},
      {"initialised",
       kInit,
       {{Ready()}, {Ran("i", 0, kExited)}},
       {},
       "Pending",
       "a ContainerCreating",
       "False ContainersNotReady"},
      {"no image", kOne, {{Ready()}, {}}, image, "Pending", "a ErrImagePull", "False ContainersNotReady"},
      {"running, not yet ready",
       kOne,
       {{Ready()}, {Ran("a", 0, kRunning)}},
       Probed("a", "a-0", true, false),
       "Running",
       "a running",
       "False ContainersNotReady"},
      {"ready",
       kOne,
       {{Ready()}, {Ran("a", 0, kRunning)}},
       Probed("a", "a-0", true, true),
       "Running",
       "a running ready",
       "True"},
      {"a probe of an earlier run does not count",
       kOne,
       {{Ready()}, {Ran("a", 1, kRunning), Ran("a", 0, kExited, 2)}},
       Probed("a", "a-0", true, true),
       "Running",
       "a running after 2 x1",
       "False ContainersNotReady"},
      {"crash loop",
       kOne,
       {{Ready()}, {Ran("a", 1, kExited, 2)}},
       crash,
       "Running",
       "a CrashLoopBackOff after 2 x1",
       "False ContainersNotReady"},
      {"one of two waits",
       kTwo,
       {{Ready()}, {Ran("a", 0, kRunning)}},
       Probed("a", "a-0", true, true),
       "Pending",
       "a running ready, b ContainerCreating",
       "False ContainersNotReady"},
      {"succeeded", kNever, {{}, {Ran("a", 0, kExited)}}, {}, "Succeeded", "a Completed(0)", "False PodCompleted"},
      {"failed", kNever, {{}, {Ran("a", 0, kExited, 7)}}, {}, "Failed", "a Error(7)", "False PodFailed"},
      {"still ending",
       kNever,
       {{Ready()}, {Ran("a", 0, kExited, 7)}},
       {},
       "Running",
       "a Error(7)",
       "False ContainersNotReady"},
  };
  for (Case& one : cases) {
    Pod pod = MakePod(one.spec);
    one.runtime.Sort();
    PodView view{pod, one.runtime, one.memory, kNow};
    PodStatus status = BuildPodStatus({view, PlanPod(view), kHostIp});
    EXPECT_EQ(status.phase, one.phase) << one.name;
    EXPECT_EQ(Say(status.container_statuses), one.containers) << one.name;
    EXPECT_EQ(Condition(status, "Ready"), one.ready) << one.name;
    EXPECT_EQ(status.host_ip, kHostIp) << one.name;
  }
}

TEST(BuildPodStatus, MessagesOfAllContainersAreLimitedTogether) {
  for (const auto& [containers, most] : {std::pair<int, size_t>{1, 12288}, {4, 3072}, {12, 1024}}) {
    std::string list;
    RuntimePod runtime{{Ready()}, {}};
    for (int i = 0; i < containers; ++i) {
      list += fmt::format(R"({}{{"name":"c{}"}})", i == 0 ? "" : ",", i);
      runtime.containers.push_back(Ran(fmt::format("c{}", i), 0, cri::ContainerState::kExited, 1));
      for (int n = 0; n < 10000; ++n) runtime.containers.back().message += "é";
      runtime.containers.back().message.insert(0, "a");
    }
    Pod pod = MakePod(fmt::format(R"({{"restartPolicy":"Never","containers":[{}]}})", list));
    const PodMemory memory;
    const PodView view{pod, runtime, memory, kNow};
    PodStatus status = BuildPodStatus({view, PlanPod(view), kHostIp});
    for (const ContainerStatus& one : status.container_statuses) {
      const std::string& message = one.state->terminated->message;
      EXPECT_EQ(message.size(), most - 1) << "cut between two characters";
      EXPECT_TRUE(message.ends_with("é"));
    }
  }
}

TEST(BuildPodStatus, KeepsWhatOthersOwnAndTimesThatDidNotChange) {
  Pod pod = MakePod(kOne, R"({"phase":"Running","conditions":[
      {"type":"PodScheduled","status":"True","lastTransitionTime":"2026-01-01T10:00:00Z"},
      {"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T11:00:00Z"},
      {"type":"example.com/gate","status":"True","lastTransitionTime":"2026-01-01T09:00:00Z"}],
      "startTime":"2026-01-01T10:00:01Z"})");
  RuntimePod runtime{{Ready()}, {Ran("a", 0, kRunning)}};
  PodMemory memory = Probed("a", "a-0", true, true);
  PodView view{pod, runtime, memory, kNow};
  PodStatus status = BuildPodStatus({view, PlanPod(view), kHostIp});
  EXPECT_EQ(Condition(status, "example.com/gate"), "True");
  for (const auto& condition : status.conditions) {
    if (condition.type == "Ready") EXPECT_EQ(FormatTime(*condition.last_transition_time), "2026-01-01T11:00:00Z");
    if (condition.type == "PodScheduled") EXPECT_EQ(FormatTime(*condition.last_transition_time), "2026-01-01T10:00:00Z");
  }
  EXPECT_EQ(FormatTime(*status.start_time), "2026-01-01T10:00:01Z");
  EXPECT_EQ(status.pod_ip, "10.0.0.9");
}

TEST(BuildPodStatus, ReadinessGatesHoldThePodBack) {
  Pod pod = MakePod(R"({"restartPolicy":"Always","readinessGates":[{"conditionType":"example.com/gate"}],
                        "containers":[{"name":"a"}]})");
  RuntimePod runtime{{Ready()}, {Ran("a", 0, kRunning)}};
  PodMemory memory = Probed("a", "a-0", true, true);
  PodView view{pod, runtime, memory, kNow};
  PodStatus status = BuildPodStatus({view, PlanPod(view), kHostIp});
  EXPECT_EQ(Condition(status, "ContainersReady"), "True");
  EXPECT_EQ(Condition(status, "Ready"), "False ReadinessGatesNotReady");
}

TEST(StatusPatch, HoldsOnlyWhatChanged) {
  PodStatus before, after;
  before.phase = after.phase = "Running";
  before.message = "old";
  after.pod_ip = "10.0.0.1";
  EXPECT_EQ(json::Serialize(StatusPatch(before, after)), R"({"message":null,"podIP":"10.0.0.1"})");
  EXPECT_TRUE(StatusPatch(before, before).is_null());
}

}  // namespace
}  // namespace sampan::node
