#include "node/pods/plan.h"

#include <gtest/gtest.h>

#include "base/saturate.h"
#include "codec/json.h"

namespace sampan::node {
namespace {

using api::core::Pod;
using std::chrono::minutes;
using std::chrono::seconds;

const WallTime kNow = *ParseTime("2026-01-01T12:00:00Z");

Pod MakePod(std::string_view spec, std::string_view metadata = "{}", std::string_view status = "{}") {
  std::string text = fmt::format(R"({{"metadata":{},"spec":{},"status":{}}})", metadata, spec, status);
  Pod pod = *api::FromJsonText<Pod>(text);
  pod.metadata.name = "web";
  pod.metadata.namespace_ = "default";
  pod.metadata.uid = "u1";
  return pod;
}

cri::Sandbox Ready(uint32_t attempt = 0) {
  cri::Sandbox sandbox;
  sandbox.id = fmt::format("s{}", attempt);
  sandbox.uid = "u1";
  sandbox.attempt = attempt;
  sandbox.state = cri::SandboxState::kReady;
  sandbox.ips = {"10.0.0.9"};
  return sandbox;
}

cri::Container Run(std::string name, uint32_t attempt, cri::ContainerState state, int32_t code = 0,
                   Duration ended_ago = seconds(0), std::string sandbox = "s0") {
  cri::Container container;
  container.id = fmt::format("{}-{}", name, attempt);
  container.name = std::move(name);
  container.attempt = attempt;
  container.state = state;
  container.exit_code = code;
  container.sandbox_id = std::move(sandbox);
  container.started_at = kNow - minutes(30);
  container.finished_at = kNow - ended_ago;
  return container;
}

constexpr auto kRunning = cri::ContainerState::kRunning;
constexpr auto kExited = cri::ContainerState::kExited;

// The plan as a line, so that a case reads as a fact.
std::string Say(const PodPlan& plan) {
  std::string out;
  auto add = [&](std::string text) { out += (out.empty() ? "" : "; ") + text; };
  if (plan.terminating) add("end");
  for (const KillContainer& kill : plan.kill) add("kill " + kill.id + " in " + FormatDuration(kill.grace));
  for (const std::string& id : plan.remove) add("remove " + id);
  for (const std::string& id : plan.stop_sandboxes) add("stop " + id);
  for (const std::string& id : plan.remove_sandboxes) add("forget " + id);
  for (const ResizeContainer& resize : plan.resize) add("resize " + resize.id);
  if (plan.run_sandbox) add(fmt::format("sandbox {}", *plan.run_sandbox));
  for (const StartContainer& start : plan.start) {
    add(fmt::format("start {}#{}{}{}", start.container.name, start.attempt, start.after_failure ? "!" : "",
                    start.target_id.empty() ? "" : " into " + start.target_id));
  }
  for (const auto& [name, waiting] : plan.waiting) add(name + " waits: " + waiting.reason);
  if (plan.wake_after) add("look in " + FormatDuration(*plan.wake_after));
  if (plan.finished) add("finished");
  return out;
}

struct Case {
  const char* name;
  Pod pod;
  RuntimePod runtime;
  PodMemory memory;
  const char* plan;
};

PodMemory Nothing() {
  return {};
}
PodMemory With(const std::string& container, ContainerMemory memory) {
  PodMemory out;
  out.containers[container] = std::move(memory);
  return out;
}
PodMemory Failing(const std::string& container, Duration pause) {
  ContainerMemory memory;
  memory.restarts.pause = pause;
  memory.restarts.updated = kNow - pause;
  return With(container, memory);
}
PodMemory Probed(const std::string& container, ProbeState state) {
  ContainerMemory memory;
  memory.probes = std::move(state);
  return With(container, memory);
}

const char kOne[] = R"({"restartPolicy":"Always","containers":[{"name":"a"}]})";
const char kNever[] = R"({"restartPolicy":"Never","containers":[{"name":"a"}]})";
const char kOnFailure[] = R"({"restartPolicy":"OnFailure","containers":[{"name":"a"}]})";
const char kInit[] =
    R"({"restartPolicy":"Always","initContainers":[{"name":"i"},{"name":"j"}],"containers":[{"name":"a"}]})";
const char kInitNever[] = R"({"restartPolicy":"Never","initContainers":[{"name":"i"}],"containers":[{"name":"a"}]})";
const char kSidecar[] =
    R"({"restartPolicy":"Never","initContainers":[{"name":"s","restartPolicy":"Always"}],"containers":[{"name":"a"}]})";
const char kDeleted[] = R"({"deletionTimestamp":"2026-01-01T12:00:20Z","deletionGracePeriodSeconds":20})";

void AddEphemeral(std::vector<Case>& cases) {
  auto add = [&](const char* name, Pod pod, RuntimePod runtime, PodMemory memory, const char* plan) {
    cases.push_back({name, std::move(pod), std::move(runtime), std::move(memory), plan});
  };
  constexpr char kDebug[] = R"({"restartPolicy":"Always","containers":[{"name":"a"}],"ephemeralContainers":[{"name":"d"}]})";
  constexpr char kTarget[] = R"({"restartPolicy":"Always","containers":[{"name":"a"}],
      "ephemeralContainers":[{"name":"d","targetContainerName":"a"}]})";
  add("an ephemeral container starts", MakePod(kDebug), {{Ready()}, {Run("a", 0, kRunning)}}, Nothing(), "start d#0");
  add("and is not restarted", MakePod(kDebug), {{Ready()}, {Run("a", 0, kRunning), Run("d", 0, kExited, 1)}}, Nothing(), "");
  add("it sees its target's processes", MakePod(kTarget), {{Ready()}, {Run("a", 0, kRunning)}}, Nothing(),
      "start d#0 into a-0");
  add("and waits for a target that does not run", MakePod(kTarget), {{Ready()}, {Run("a", 0, kExited, 1)}}, Nothing(),
      "start a#1!; d waits: CreateContainerError");
  ContainerMemory failed;
  failed.retry_at = kNow + seconds(7);
  add("one that could not be started is tried again later", MakePod(kDebug), {{Ready()}, {Run("a", 0, kRunning)}},
      With("d", failed), "look in 7s");
}

void AddResizes(std::vector<Case>& cases) {
  auto pod = [](std::string_view policy) {
    return MakePod(
        fmt::format(R"({{"restartPolicy":"Always","containers":[{{"name":"a","resources":{{"limits":{{"cpu":"2"}}}},
                                   "resizePolicy":[{}]}}]}})",
                    policy));
  };
  auto applied = [](std::string_view cpu) {
    ContainerMemory memory;
    memory.applied_to = "a-0";
    memory.applied.limits["cpu"] = *api::Quantity::Parse(cpu);
    return With("a", memory);
  };
  auto add = [&](const char* name, Pod of, PodMemory memory, const char* plan) {
    cases.push_back({name, std::move(of), {{Ready()}, {Run("a", 0, kRunning)}}, std::move(memory), plan});
  };
  add("limits that are in force need nothing", pod(""), applied("2"), "");
  add("the same amount in other words neither", pod(""), applied("2000m"), "");
  add("others are changed in place", pod(""), applied("1"), "resize a-0");
  add("or by a restart, when the container wants that", pod(R"({"resourceName":"cpu","restartPolicy":"RestartContainer"})"),
      applied("1"), "kill a-0 in 30s");
  add("another resource's policy does not matter", pod(R"({"resourceName":"memory","restartPolicy":"RestartContainer"})"),
      applied("1"), "resize a-0");
  PodMemory pending = applied("1");
  pending.resize_pending = WaitingReason{"Deferred", {}};
  add("a deferred resize is looked at again", pod(""), pending, "look in 10s");
  PodMemory failed = applied("1");
  failed.resize_retry_at = kNow + seconds(3);
  add("a failed one is tried again", pod(""), failed, "look in 3s");
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  auto add = [&](const char* name, Pod pod, RuntimePod runtime, PodMemory memory, const char* plan) {
    cases.push_back({name, std::move(pod), std::move(runtime), std::move(memory), plan});
  };
  AddEphemeral(cases);
  AddResizes(cases);
  add("a new pod gets a sandbox", MakePod(kOne), {}, Nothing(), "sandbox 0");
  add("its containers start in it", MakePod(kOne), {{Ready()}, {}}, Nothing(), "start a#0");
  add("a running pod needs nothing", MakePod(kOne), {{Ready()}, {Run("a", 0, kRunning)}}, Nothing(), "");
  add("the first restart is at once", MakePod(kOne), {{Ready()}, {Run("a", 0, kExited, 1)}}, Nothing(), "start a#1!");
  add("the second waits", MakePod(kOne), {{Ready()}, {Run("a", 1, kExited, 1, seconds(4))}}, Failing("a", seconds(10)),
      "a waits: CrashLoopBackOff; look in 6s");
  add("and comes in time", MakePod(kOne), {{Ready()}, {Run("a", 1, kExited, 1, seconds(11))}}, Failing("a", seconds(10)),
      "start a#2!");
  add("Never does not restart", MakePod(kNever), {{Ready()}, {Run("a", 0, kExited, 1)}}, Nothing(), "end; stop s0");
  add("OnFailure restarts what failed", MakePod(kOnFailure), {{Ready()}, {Run("a", 0, kExited, 1)}}, Nothing(),
      "start a#1!");
  add("OnFailure leaves what succeeded", MakePod(kOnFailure), {{Ready()}, {Run("a", 0, kExited, 0)}}, Nothing(),
      "end; stop s0");
  add("Always restarts what succeeded", MakePod(kOne), {{Ready()}, {Run("a", 0, kExited, 0)}}, Nothing(), "start a#1!");
  add("init containers come one by one", MakePod(kInit), {{Ready()}, {}}, Nothing(), "start i#0");
  add("and are waited for", MakePod(kInit), {{Ready()}, {Run("i", 0, kRunning)}}, Nothing(), "");
  add("the next follows", MakePod(kInit), {{Ready()}, {Run("i", 0, kExited)}}, Nothing(), "start j#0");
  add("then the main ones", MakePod(kInit), {{Ready()}, {Run("i", 0, kExited), Run("j", 0, kExited)}}, Nothing(),
      "start a#0");
  add("a failed init container runs again", MakePod(kInit), {{Ready()}, {Run("i", 0, kExited, 3)}}, Nothing(), "start i#1!");
  add("a failed pod gets no new sandbox", MakePod(kInitNever), {{}, {Run("i", 0, kExited, 3)}}, Nothing(), "end; finished");
  add("or fails the pod", MakePod(kInitNever), {{Ready()}, {Run("i", 0, kExited, 3)}}, Nothing(), "end; stop s0");
  add("init containers do not run again beside a main one", MakePod(kInit), {{Ready()}, {Run("a", 0, kRunning)}}, Nothing(),
      "");
  add("a sidecar that has not started is waited for", MakePod(kSidecar), {{Ready()}, {Run("s", 0, kRunning)}}, Nothing(),
      "");
  add("a started sidecar lets the main ones run", MakePod(kSidecar), {{Ready()}, {Run("s", 0, kRunning)}},
      Probed("s", {"s-0", true, true, {}}), "start a#0");
  add("a sidecar restarts under Never", MakePod(kSidecar), {{Ready()}, {Run("s", 0, kExited, 1), Run("a", 0, kRunning)}},
      Nothing(), "start s#1!");
  add("sidecars end with the main containers", MakePod(kSidecar),
      {{Ready()}, {Run("s", 0, kRunning), Run("a", 0, kExited, 0)}}, Probed("s", {"s-0", true, true, {}}),
      "end; kill s-0 in 30s");
  add("a lost sandbox is replaced", MakePod(kOne),
      {{[] {
         cri::Sandbox lost = Ready();
         lost.state = cri::SandboxState::kNotReady;
         return lost;
       }()},
       {Run("a", 0, kExited, 137)}},
      Nothing(), "sandbox 1");
  add("its containers start in the new one", MakePod(kOne), {{Ready(1)}, {Run("a", 0, kExited, 137)}}, Nothing(),
      "start a#1!");
  add("what fails its liveness probe is killed", MakePod(kOne), {{Ready()}, {Run("a", 0, kRunning)}},
      Probed("a", {"a-0", true, true, "failed liveness probe"}), "kill a-0 in 30s");
  add("a verdict on an earlier run is void", MakePod(kOne), {{Ready()}, {Run("a", 1, kRunning)}},
      Probed("a", {"a-0", true, true, "failed liveness probe"}), "");
  add("a deleted pod ends within its grace", MakePod(kOne, kDeleted), {{Ready()}, {Run("a", 0, kRunning)}}, Nothing(),
      "end; kill a-0 in 20s");
  add("sidecars of a deleted pod end last", MakePod(kSidecar, kDeleted),
      {{Ready()}, {Run("s", 0, kRunning), Run("a", 0, kRunning)}}, Nothing(), "end; kill a-0 in 20s");
  add("then its sandbox", MakePod(kOne, kDeleted), {{Ready()}, {Run("a", 0, kExited, 143)}}, Nothing(), "end; stop s0");
  add("then it is finished", MakePod(kOne, kDeleted), {}, Nothing(), "end; finished");
  add("a pod that succeeded is not started again", MakePod(kOne, "{}", R"({"phase":"Succeeded"})"), {}, Nothing(),
      "end; finished");
  {
    PodMemory evicted;
    evicted.failed_reason = "Evicted";
    add("an evicted pod ends at once", MakePod(kOne), {{Ready()}, {Run("a", 0, kRunning)}}, evicted, "end; kill a-0 in 0s");
    PodMemory gone;
    gone.gone = true;
    add("what is left of a deleted pod ends", MakePod("{}"), {{Ready()}, {Run("x", 0, kRunning)}}, gone,
        "end; kill x-0 in 30s");
    PodMemory later;
    later.retry_at = kNow + seconds(2);
    add("a sandbox that failed is tried again later", MakePod(kOne), {}, later, "look in 2s");
    ContainerMemory waits;
    waits.retry_at = kNow + seconds(5);
    add("a container that could not start is tried again later", MakePod(kOne), {{Ready()}, {}}, With("a", waits),
        "look in 5s");
  }
  add("old runs are removed", MakePod(kOne),
      {{Ready()}, {Run("a", 2, kRunning), Run("a", 1, kExited, 1), Run("a", 0, kExited, 1)}}, Nothing(), "remove a-0");
  add("created and never started is made anew", MakePod(kOne), {{Ready()}, {Run("a", 0, cri::ContainerState::kCreated)}},
      Nothing(), "remove a-0; start a#1");
  return cases;
}

TEST(PlanPod, Table) {
  for (Case& one : Cases()) {
    one.runtime.Sort();
    PodPlan plan = PlanPod({one.pod, one.runtime, one.memory, kNow});
    EXPECT_EQ(Say(plan), one.plan) << one.name;
  }
}

TEST(RemainingGrace, IsWhatIsLeftWhateverWasAskedFor) {
  struct Case {
    const char* spec;
    const char* metadata;
    Duration want;
  } cases[] = {
      {R"({"terminationGracePeriodSeconds":30})", "{}", seconds(20)},
      {R"({"terminationGracePeriodSeconds":0})", "{}", seconds(0)},
      {R"({"terminationGracePeriodSeconds":-5})", "{}", seconds(0)},
      {R"({"terminationGracePeriodSeconds":5})", "{}", seconds(1)},
      {R"({"terminationGracePeriodSeconds":9223372036854775807})", "{}", BoundedSeconds(INT64_MAX) - seconds(10)},
      {"{}", R"({"deletionTimestamp":"2026-01-01T12:00:00Z","deletionGracePeriodSeconds":9223372036854775807})",
       BoundedSeconds(INT64_MAX) - seconds(10)},
  };
  for (const Case& one : cases) {
    Pod pod = MakePod(one.spec, one.metadata);
    PodMemory memory;
    memory.terminating_since = kNow - seconds(10);
    EXPECT_EQ(RemainingGrace({pod, {}, memory, kNow}), one.want) << one.spec << one.metadata;
  }
  PodMemory gone;
  gone.gone = true;
  EXPECT_EQ(RemainingGrace({MakePod(R"({"terminationGracePeriodSeconds":1000000})"), {}, gone, kNow}), seconds(30));
  EXPECT_EQ(RemainingGrace({MakePod(R"({"terminationGracePeriodSeconds":3})"), {}, gone, kNow}), seconds(3));
}

TEST(Backoff, DoublesAndForgets) {
  Backoff backoff;
  EXPECT_EQ(backoff.Remaining(kNow, kNow), Duration(0));
  std::vector<int64_t> pauses;
  WallTime now = kNow;
  for (int i = 0; i < 7; ++i) {
    backoff.Next(now);
    pauses.push_back(std::chrono::duration_cast<seconds>(backoff.pause).count());
    now += backoff.pause;
  }
  EXPECT_EQ(pauses, (std::vector<int64_t>{10, 20, 40, 80, 160, 300, 300}));
  EXPECT_EQ(backoff.Remaining(now, now), seconds(300));
  EXPECT_EQ(backoff.Remaining(now + minutes(20), now + minutes(20)), Duration(0));
}

}  // namespace
}  // namespace sampan::node
