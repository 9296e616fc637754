// Pods from the API to the runtime and back, with an API and a runtime in memory and a clock that moves when told.
#include "node/pods/manager.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

#include "async/spawn.h"
#include "client/fake.h"
#include "node/cri/fake_runtime.h"
#include "os/file.h"

namespace sampan::node {
namespace {

using api::core::Pod;
using api::core::PodStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Pods : public ::testing::Test {
 protected:
  Pods()
      : rng_(NewSeededRng(1)),
        pool_(NewThreadPool("test", 2)),
        strand_(NewStrand(*pool_)),
        api_(clock_, *rng_),
        runtime_(clock_),
        informers_(api_, *pool_, clock_, *rng_),
        events_(api_, clock_, *rng_, {.component = "kubelet", .host = "node-a"}),
        status_(api_, clock_, *strand_) {
    char path[] = "/tmp/sampan-pods-XXXXXX";
    dir_ = mkdtemp(path);
    paths_.data = dir_ + "/data";
    paths_.run = dir_ + "/run";
    paths_.logs = dir_ + "/logs";
    volumes_ = std::make_unique<Volumes>(Volumes::Deps{api_, clock_, blocking_, paths_});
    services_.reset(new PodServices{.client = api_,
                                    .runtime = runtime_,
                                    .clock = clock_,
                                    .strand = *strand_,
                                    .blocking = blocking_,
                                    .events = events_,
                                    .volumes = *volumes_,
                                    .status = status_,
                                    .service_list = informers_.For<api::core::Service>(),
                                    .probes = {runtime_, loops_},
                                    .paths = paths_,
                                    .dns = {},
                                    .node_name = "node-a",
                                    .host_ip = "192.0.2.1"});
    runtime_.AddImage("img:1");
  }

  ~Pods() override {
    StopManager();
    SyncWait(*pool_, status_.Close());
    SyncWait(*pool_, informers_.Stop());
    (void)os::RemoveAll(dir_);
  }

  void StartManager() {
    manager_ = std::make_unique<PodManager>(*services_, informers_.For<Pod>({.field_selector = "spec.nodeName=node-a"}));
    stop_.emplace();
    gate_ = std::make_unique<Gate>();
    Spawn(*strand_, *gate_, manager_->Run(stop_->token()));
  }
  void StopManager() {
    if (!stop_) return;
    stop_->Cancel();
    SyncWait(*pool_, gate_->Close());
    stop_.reset();
    manager_.reset();
  }

  void Put(const std::string& name, std::string_view spec) {
    api_.Put(fmt::format(R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{}","namespace":"default"}},"spec":{}}})",
                         name, spec));
  }
  std::string Uid(const std::string& name) { return api_.Peek(Ref(name))->uid(); }
  static client::Ref Ref(const std::string& name) { return client::RefOf<Pod>("default", name); }
  PodStatus Status(const std::string& name) {
    client::ObjectPtr object = api_.Peek(Ref(name));
    return object == nullptr ? PodStatus() : object->As<Pod>().status;
  }
  // Lets time pass in steps until the condition holds; false when it does not within a few thousand of them.
  template <class F>
  bool Eventually(F condition, Duration step = milliseconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      clock_.Advance(step);
      std::this_thread::yield();
    }
    return true;
  }
  bool Ready(const std::string& name) {
    return Eventually([&] {
      for (const auto& condition : Status(name).conditions) {
        if (condition.type == "Ready" && condition.status == "True") return true;
      }
      return false;
    });
  }
  void Delete(const std::string& name, int64_t grace) {
    EXPECT_TRUE(SyncWait(*pool_, api_.Delete(Ref(name), {.grace_period_seconds = grace})));
  }
  Task<size_t> Workers() { co_return manager_->All().size(); }
  bool Gone(const std::string& name) {
    return Eventually([&] { return api_.Peek(Ref(name)) == nullptr && runtime_.sandboxes() == 0; });
  }

  ManualClock clock_;
  std::unique_ptr<Rng> rng_;
  std::unique_ptr<Executor> pool_;
  BlockingPool blocking_{4};
  IoLoops loops_{1};
  std::unique_ptr<Executor> strand_;
  client::FakeClient api_;
  cri::FakeRuntime runtime_;
  client::InformerFactory informers_;
  client::EventRecorder events_;
  StatusWriter status_;
  std::string dir_;
  Paths paths_;
  std::unique_ptr<Volumes> volumes_;
  std::unique_ptr<PodServices> services_;
  std::unique_ptr<PodManager> manager_;
  std::optional<CancelSource> stop_;
  std::unique_ptr<Gate> gate_;
};

TEST(CanName, Table) {
  for (const char* good : {"a", "6f1c-4", "a.b", "x y"}) EXPECT_TRUE(Paths::CanName(good)) << good;
  for (std::string_view bad : {std::string_view(""), std::string_view("."), std::string_view(".."), std::string_view("a/b"),
                               std::string_view("../x"), std::string_view("a\0b", 3)}) {
    EXPECT_FALSE(Paths::CanName(bad)) << bad;
  }
  EXPECT_FALSE(Paths::CanName(std::string(254, 'a')));
}

const char kSimple[] = R"({"nodeName":"node-a","restartPolicy":"Always","terminationGracePeriodSeconds":5,
    "containers":[{"name":"a","image":"img:1"}]})";

TEST_F(Pods, AStaticPodRunsAndIsMirrored) {
  services_->static_pod_dir = dir_ + "/manifests";
  const std::string manifest = services_->static_pod_dir + "/web.yaml";
  ASSERT_TRUE(os::MakeDirs(services_->static_pod_dir, 0755));
  ASSERT_TRUE(os::WriteFileAtomic(manifest,
                                  "kind: Pod\napiVersion: v1\nmetadata: {name: web}\n"
                                  "spec: {containers: [{name: a, image: 'img:1'}]}\n",
                                  {}));
  api_.Put(R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a"}})");
  StartManager();
  auto step = seconds(1);
  ASSERT_TRUE(Eventually([&] { return Status("web-node-a").phase == "Running"; }, step));
  EXPECT_EQ(runtime_.running(), 1u);
  // Whoever deletes the mirror sees it come back; the containers know nothing of it.
  const std::string mirror = Uid("web-node-a");
  Delete("web-node-a", 0);
  ASSERT_TRUE(Eventually(
      [&] {
        client::ObjectPtr object = api_.Peek(Ref("web-node-a"));
        return object != nullptr && object->uid() != mirror && Status("web-node-a").phase == "Running";
      },
      step));
  EXPECT_EQ(Status("web-node-a").container_statuses[0].restart_count, 0);
  // The next agent finds it again.
  StopManager();
  StartManager();
  const WallTime later = clock_.Now() + seconds(30);
  ASSERT_TRUE(Eventually([&] { return clock_.Now() >= later; }, step));
  EXPECT_EQ(runtime_.running(), 1u);
  ASSERT_TRUE(os::RemoveFile(manifest));
  ASSERT_TRUE(Eventually([&] { return api_.Peek(Ref("web-node-a")) == nullptr && runtime_.sandboxes() == 0; }, step));
}

TEST_F(Pods, AMirrorOfNothingIsRemoved) {
  api_.Put(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"made-by-a-user","namespace":"default",
      "annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"node-a","containers":[{"name":"a","image":"img:1"}]}})");
  StartManager();
  ASSERT_TRUE(Eventually([&] { return api_.Peek(Ref("made-by-a-user")) == nullptr; }));
  EXPECT_EQ(runtime_.sandboxes(), 0u);
}

TEST_F(Pods, AUsersPodStandsInNoStaticPodsWay) {
  services_->static_pod_dir = dir_ + "/manifests";
  ASSERT_TRUE(os::MakeDirs(services_->static_pod_dir, 0755));
  ASSERT_TRUE(os::WriteFileAtomic(services_->static_pod_dir + "/web.yaml",
                                  "kind: Pod\napiVersion: v1\nmetadata: {name: web}\n"
                                  "spec: {containers: [{name: a, image: 'img:1'}]}\n",
                                  {}));
  ASSERT_EQ(::mkfifo((services_->static_pod_dir + "/fifo").c_str(), 0600), 0);
  api_.Put(R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a"}})");
  StartManager();
  auto step = seconds(1);
  ASSERT_TRUE(Eventually([&] { return Status("web-node-a").phase == "Running"; }, step));
  const std::string hash(MirrorHash(api_.Peek(Ref("web-node-a"))->As<Pod>()));
  // The same annotation on another pod does not get the static pod's statuses, and does not last.
  api_.Put(fmt::format(R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"thief","namespace":"default",
      "annotations":{{"kubernetes.io/config.mirror":"{}"}}}},"spec":{{"nodeName":"node-a","containers":[]}}}})",
                       hash));
  ASSERT_TRUE(Eventually([&] { return api_.Peek(Ref("thief")) == nullptr; }, step));
  EXPECT_NE(api_.Peek(Ref("web-node-a")), nullptr);
  // One of the static pod's own name, made before: both run.
  StopManager();
  api_.Remove(Ref("web-node-a"));
  Put("web-node-a", kSimple);
  StartManager();
  ASSERT_TRUE(Eventually([&] { return runtime_.running() == 2; }, step));
}

TEST_F(Pods, AnEphemeralContainerRunsInALivingPod) {
  StartManager();
  Put("web", R"({"nodeName":"node-a","restartPolicy":"Always","containers":[{"name":"a","image":"img:1"}]})");
  ASSERT_TRUE(Ready("web"));
  json::Value patch =
      *json::Parse(R"({"spec":{"ephemeralContainers":[{"name":"d","image":"img:1","targetContainerName":"a"}]}})");
  ASSERT_TRUE(SyncWait(*pool_, client::MergePatch<Pod>(api_, "default", "web", patch)));
  ASSERT_TRUE(Eventually([&] {
    const auto statuses = Status("web").ephemeral_container_statuses;
    return statuses.size() == 1 && statuses[0].state && statuses[0].state->running;
  }));
  EXPECT_EQ(runtime_.ConfigOf("d").security.namespaces.pid, cri::NamespaceMode::kTarget);
  EXPECT_FALSE(runtime_.ConfigOf("d").security.namespaces.target_id.empty());
  ASSERT_TRUE(runtime_.Exit(Uid("web"), "d", 0));
  ASSERT_TRUE(Eventually([&] {
    const auto statuses = Status("web").ephemeral_container_statuses;
    return statuses.size() == 1 && statuses[0].state->terminated;
  }));
  EXPECT_EQ(Status("web").phase, "Running");
}

TEST_F(Pods, AResizeReachesTheRunningContainer) {
  StartManager();
  Put("web", R"({"nodeName":"node-a","restartPolicy":"Always","containers":[{"name":"a","image":"img:1",
      "resources":{"requests":{"cpu":"100m"},"limits":{"cpu":"200m"}}}]})");
  ASSERT_TRUE(Ready("web"));
  EXPECT_EQ(runtime_.ConfigOf("a").resources.cpu_quota_microseconds, 20000);
  json::Value patch = *json::Parse(R"({"spec":{"containers":[{"name":"a","image":"img:1",
      "resources":{"requests":{"cpu":"150m"},"limits":{"cpu":"300m"}}}]}})");
  ASSERT_TRUE(SyncWait(*pool_, client::MergePatch<Pod>(api_, "default", "web", patch)));
  ASSERT_TRUE(Eventually([&] {
    const auto statuses = Status("web").container_statuses;
    const api::Quantity* cpu = statuses.empty() ? nullptr : statuses[0].allocated_resources.Find("cpu");
    return cpu != nullptr && cpu->MilliValue() == 150;
  }));
  EXPECT_EQ(runtime_.ConfigOf("a").resources.cpu_quota_microseconds, 30000);
  EXPECT_EQ(Status("web").container_statuses[0].restart_count, 0);
  for (const auto& condition : Status("web").conditions)
    EXPECT_FALSE(condition.type.starts_with("PodResize")) << condition.type;
}

TEST_F(Pods, FromCreatedToReadyToGone) {
  StartManager();
  Put("web", kSimple);
  ASSERT_TRUE(Ready("web"));
  PodStatus status = Status("web");
  EXPECT_EQ(status.phase, "Running");
  EXPECT_EQ(status.pod_ip, "10.0.0.1");
  EXPECT_EQ(status.qos_class, "BestEffort");
  EXPECT_EQ(*os::ReadFile(paths_.EtcHosts(Uid("web")), os::kConfigFileLimit) == "", false);
  const std::string uid = Uid("web");
  Delete("web", 5);
  ASSERT_TRUE(Gone("web"));
  EXPECT_EQ(runtime_.calls(), (std::vector<std::string>{"RunSandbox web", "StartContainer a", "StopContainer a",
                                                        "StopSandbox web", "RemoveSandbox s1"}));
  EXPECT_LE(runtime_.graces().at(0), seconds(5));
  EXPECT_TRUE(Eventually([&] { return !os::Exists(paths_.Pod(uid)); }));
}

TEST_F(Pods, CrashedContainersComeBackWithBackoff) {
  StartManager();
  Put("web", kSimple);
  ASSERT_TRUE(Ready("web"));
  ASSERT_TRUE(runtime_.Exit(Uid("web"), "a", 3));
  ASSERT_TRUE(Eventually([&] {
    auto statuses = Status("web").container_statuses;
    return statuses.at(0).restart_count == 1 && statuses[0].ready;
  }));
  EXPECT_EQ(Status("web").container_statuses[0].last_state->terminated->exit_code, 3);
  ASSERT_TRUE(runtime_.Exit(Uid("web"), "a", 4));
  ASSERT_TRUE(Eventually([&] {
    auto state = Status("web").container_statuses.at(0).state;
    return state->waiting && state->waiting->reason == "CrashLoopBackOff";
  }));
  ASSERT_TRUE(Eventually([&] { return Status("web").container_statuses.at(0).restart_count == 2; }, milliseconds(200)));
}

TEST_F(Pods, ARestartOfTheAgentLeavesContainersAlone) {
  StartManager();
  Put("web", R"({"nodeName":"node-a","containers":[{"name":"a","image":"img:1",
      "readinessProbe":{"exec":{"command":["true"]},"initialDelaySeconds":1}}]})");
  ASSERT_TRUE(Ready("web"));
  std::vector<std::string> before = runtime_.calls();
  StopManager();
  bool was_unready = false;
  runtime_.SetExec([&](const std::string&, const std::vector<std::string>&) { return cri::ExecSyncResult(); });
  StartManager();
  for (int i = 0; i < 200; ++i) {
    clock_.Advance(milliseconds(20));
    std::this_thread::yield();
    auto statuses = Status("web").container_statuses;
    was_unready |= !statuses.at(0).ready;
  }
  EXPECT_FALSE(was_unready);
  EXPECT_EQ(runtime_.calls(), before);
}

TEST_F(Pods, ProbesDecideReadinessAndRestarts) {
  std::atomic<bool> live{true}, ready{false};
  runtime_.SetExec([&](const std::string&, const std::vector<std::string>& command) {
    bool ok = command.at(0) == "live" ? live.load() : ready.load();
    return cri::ExecSyncResult{"", "", ok ? 0 : 1};
  });
  StartManager();
  Put("web", R"({"nodeName":"node-a","containers":[{"name":"a","image":"img:1",
      "livenessProbe":{"exec":{"command":["live"]},"periodSeconds":1,"failureThreshold":2},
      "readinessProbe":{"exec":{"command":["ready"]},"periodSeconds":1}}]})");
  ASSERT_TRUE(Eventually([&] { return runtime_.running() == 1; }));
  ASSERT_TRUE(Eventually([&] { return Status("web").phase == "Running"; }));
  EXPECT_FALSE(Status("web").container_statuses.at(0).ready);
  ready = true;
  ASSERT_TRUE(Ready("web"));
  live = false;
  ASSERT_TRUE(Eventually([&] {
    for (const std::string& call : runtime_.calls()) {
      if (call == "StopContainer a") return true;
    }
    return false;
  }));
  live = true;
  ASSERT_TRUE(Eventually([&] { return Status("web").container_statuses.at(0).restart_count == 1; }));
  ASSERT_TRUE(Ready("web"));
}

TEST_F(Pods, MissingImagesBackOffAndRecover) {
  StartManager();
  Put("web", R"({"nodeName":"node-a","containers":[{"name":"a","image":"remote:1"}]})");
  auto reason = [&] {
    auto statuses = Status("web").container_statuses;
    bool waits = !statuses.empty() && statuses[0].state && statuses[0].state->waiting;
    return waits ? statuses[0].state->waiting->reason : std::string();
  };
  ASSERT_TRUE(Eventually([&] { return reason() == "ErrImagePull"; }, milliseconds(1)));
  ASSERT_TRUE(Eventually([&] { return reason() == "ImagePullBackOff"; }));
  runtime_.AddRemoteImage("remote:1");
  ASSERT_TRUE(Ready("web"));
}

TEST_F(Pods, NeverPullsWhatMustNotBePulled) {
  StartManager();
  Put("web", R"({"nodeName":"node-a","containers":[{"name":"a","image":"none","imagePullPolicy":"Never"}]})");
  ASSERT_TRUE(Eventually([&] {
    auto statuses = Status("web").container_statuses;
    return !statuses.empty() && statuses[0].state && statuses[0].state->waiting &&
           statuses[0].state->waiting->reason == "ErrImageNeverPull";
  }));
}

TEST_F(Pods, WaitsForItsConfigMap) {
  StartManager();
  Put("web", R"({"nodeName":"node-a","containers":[{"name":"a","image":"img:1",
      "env":[{"name":"K","valueFrom":{"configMapKeyRef":{"name":"cm","key":"k"}}}]}]})");
  ASSERT_TRUE(Eventually([&] {
    auto statuses = Status("web").container_statuses;
    return !statuses.empty() && statuses[0].state && statuses[0].state->waiting &&
           statuses[0].state->waiting->reason == "CreateContainerConfigError";
  }));
  EXPECT_EQ(Status("web").container_statuses[0].state->waiting->message, "configmap \"cm\" not found");
  api_.Put(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cm","namespace":"default"},"data":{"k":"v"}})");
  ASSERT_TRUE(Ready("web"));
  auto env = runtime_.ConfigOf("a").env;
  EXPECT_NE(std::ranges::find(env, std::pair<std::string, std::string>("K", "v")), env.end());
}

TEST_F(Pods, ALostSandboxIsReplaced) {
  StartManager();
  Put("web", kSimple);
  ASSERT_TRUE(Ready("web"));
  runtime_.LoseSandbox(Uid("web"));
  ASSERT_TRUE(Eventually([&] { return Status("web").pod_ip != "10.0.0.1" && runtime_.running() == 1; }));
  ASSERT_TRUE(Ready("web"));
  EXPECT_EQ(Status("web").container_statuses.at(0).restart_count, 1);
}

TEST_F(Pods, WhatAContainerLeavesAsItsMessageIsReadWithinBoundsAndAsText) {
  std::string accents;
  for (int i = 0; i < 3000; ++i) accents += "é";
  struct Case {
    const char* name;
    std::function<void(const std::string& path)> leave;
    std::string want;
  };
  const Case cases[] = {
      {"bytes", [](const std::string& path) { (void)os::AppendFile(path, "bad \xff\xfe bytes"); }, "bad \uFFFD\uFFFD bytes"},
      {"long", [&](const std::string& path) { (void)os::AppendFile(path, accents + "a"); }, accents.substr(0, 4094) + "a"},
      {"sparse", [](const std::string& path) { EXPECT_EQ(::truncate(path.c_str(), off_t{8} << 40), 0); },
       std::string(4096, '\0')},
  };
  StartManager();
  for (const Case& one : cases) {
    Put(one.name, R"({"nodeName":"node-a","restartPolicy":"Never","containers":[{"name":"a","image":"img:1"}]})");
    ASSERT_TRUE(Ready(one.name)) << one.name;
    one.leave(paths_.TerminationMessage(Uid(one.name), "a", 0));
    ASSERT_TRUE(runtime_.Exit(Uid(one.name), "a", 1));
    ASSERT_TRUE(Eventually([&] { return Status(one.name).phase == "Failed"; })) << one.name;
    EXPECT_EQ(Status(one.name).container_statuses.at(0).state->terminated->message, one.want) << one.name;
  }
}

TEST_F(Pods, APassThatThrowsIsTriedAgainAndNoOtherPodKnowsOfIt) {
  std::atomic<int> faults{3};
  runtime_.SetFault([&](std::string_view call) -> std::optional<Error> {
    if (call == "RunSandbox" && faults-- > 0) throw std::bad_alloc();
    return std::nullopt;
  });
  const uint64_t before = EscapeCounts()["pod worker"];
  StartManager();
  Put("web", kSimple);
  Put("other", kSimple);
  ASSERT_TRUE(Ready("other"));
  ASSERT_TRUE(Ready("web"));
  EXPECT_EQ(EscapeCounts()["pod worker"], before + 3);
}

TEST_F(Pods, AProbeThatCannotBeAskedTellsNothingOfTheContainer) {
  std::atomic<int> asked{0};
  runtime_.SetExec([&](const std::string&, const std::vector<std::string>&) -> cri::ExecSyncResult {
    if (++asked > 1) throw std::bad_alloc();
    return {};
  });
  StartManager();
  Put("web", R"({"nodeName":"node-a","containers":[{"name":"a","image":"img:1",
      "livenessProbe":{"exec":{"command":["live"]},"periodSeconds":1,"failureThreshold":1}}]})");
  ASSERT_TRUE(Ready("web"));
  ASSERT_TRUE(Eventually([&] { return asked > 5; }));
  EXPECT_EQ(runtime_.running(), 1u);
  EXPECT_EQ(Status("web").container_statuses.at(0).restart_count, 0);
}

// Whatever a pod asks for, it can be ended, and so can the agent.
TEST_F(Pods, HooksAndProbesThatNeverEndHoldUpNobody) {
  const std::string grace = R"("nodeName":"node-a","terminationGracePeriodSeconds":1000000)";
  const std::string endless = R"({"exec":{"command":["sleep"]},"timeoutSeconds":1000000})";
  const std::pair<const char*, std::string> cases[] = {
      {"post-start-sleep", R"("lifecycle":{"postStart":{"sleep":{"seconds":1000000}}})"},
      {"post-start-exec", R"("lifecycle":{"postStart":{"exec":{"command":["sleep"]}}})"},
      {"post-start-fails", R"("lifecycle":{"postStart":{"tcpSocket":{"port":"none"}}})"},
      {"pre-stop-exec", R"("lifecycle":{"preStop":{"exec":{"command":["sleep"]}}})"},
      {"pre-stop-sleep", R"("lifecycle":{"preStop":{"sleep":{"seconds":1000000}}})"},
      {"startup-probe", R"("startupProbe":)" + endless},
      {"liveness-probe", R"("livenessProbe":)" + endless},
      {"no-hook", R"("stdin":true)"},
  };
  runtime_.SetEndless();
  StartManager();
  for (const auto& [name, member] : cases) {
    Put(name, fmt::format(R"({{{},"containers":[{{"name":"a","image":"img:1",{}}}]}})", grace, member));
    ASSERT_TRUE(Eventually([&] { return runtime_.running() == 1; })) << name;
    Delete(name, 1000000);
    ASSERT_TRUE(Eventually([&] { return !Status(name).phase.empty(); })) << name;
    Delete(name, 0);
    ASSERT_TRUE(Gone(name)) << name;
    ASSERT_TRUE(Eventually([&] { return SyncWait(*strand_, Workers()) == 0; })) << name;
  }
  for (const auto& [name, member] : cases) {
    Put(name, fmt::format(R"({{{},"containers":[{{"name":"a","image":"img:1",{}}}]}})", grace, member));
  }
  ASSERT_TRUE(Eventually([&] { return runtime_.running() == std::size(cases); }));
  StopManager();
  EXPECT_EQ(runtime_.running(), std::size(cases));
}

TEST_F(Pods, RunsThatAreRemovedLeaveNothing) {
  StartManager();
  Put("web", R"({"nodeName":"node-a","containers":[{"name":"a","image":"img:1"}]})");
  ASSERT_TRUE(Ready("web"));
  const std::string logs = paths_.PodLogs("default", "web", Uid("web")) + "/a";
  for (int run = 1; run <= 4; ++run) {
    ASSERT_TRUE(os::AppendFile(logs + fmt::format("/{}.log", run - 1), "text"));
    ASSERT_TRUE(runtime_.Exit(Uid("web"), "a", 1));
    ASSERT_TRUE(Eventually([&] { return Status("web").container_statuses.at(0).restart_count == run; }, seconds(1)));
  }
  auto left = [&] {
    return os::ListDir(logs)->size() <= 2 && os::ListDir(paths_.ContainerLogLinks())->size() <= 2 &&
           os::ListDir(paths_.Pod(Uid("web")) + "/containers/a")->size() <= 2;
  };
  EXPECT_TRUE(Eventually(left));
}

TEST_F(Pods, WhatTheNodeHasNoRoomForIsRefused) {
  services_->allocatable["pods"] = api::Quantity::Of(2);
  StartManager();
  Put("a", kSimple);
  Put("b", kSimple);
  ASSERT_TRUE(Ready("a"));
  ASSERT_TRUE(Ready("b"));
  Put("c", kSimple);
  ASSERT_TRUE(Eventually([&] { return Status("c").phase == "Failed"; }));
  EXPECT_EQ(Status("c").reason, "OutOfpods");
  EXPECT_EQ(runtime_.running(), 2u);
  Delete("a", 0);
  ASSERT_TRUE(Eventually([&] { return runtime_.running() == 1; }));
  Put("d", kSimple);
  ASSERT_TRUE(Ready("d"));
  // Less room than there was is no reason to end what runs.
  StopManager();
  services_->allocatable["pods"] = api::Quantity::Of(1);
  StartManager();
  ASSERT_TRUE(Ready("b"));
  ASSERT_TRUE(Ready("d"));
  EXPECT_EQ(runtime_.running(), 2u);
}

TEST_F(Pods, RefusalsArePaced) {
  services_->allocatable["pods"] = api::Quantity::Of(0);
  StartManager();
  auto refused = [&] {
    int count = 0;
    for (int i = 0; i < 30; ++i) count += Status(fmt::format("p{}", i)).phase == "Failed" ? 1 : 0;
    return count;
  };
  for (int i = 0; i < 30; ++i) Put(fmt::format("p{}", i), kSimple);
  ASSERT_TRUE(Eventually([&] { return refused() >= 10; }, milliseconds(1)));
  EXPECT_LT(refused(), 30);
  Delete("p29", 0);
  ASSERT_TRUE(Eventually([&] { return api_.Peek(Ref("p29")) == nullptr; }, milliseconds(1)));
  ASSERT_TRUE(Eventually([&] { return refused() == 29; }, milliseconds(100)));
}

TEST_F(Pods, OneWhoseNameMakesPathsTooLongEndsAsOthersDo) {
  StartManager();
  for (const std::string& name : {std::string(200, 'n'), std::string(253, 'm')}) {
    Put(name, kSimple);
    // The longer one's log directory cannot be made, so that it never runs.
    if (name.size() == 200) ASSERT_TRUE(Ready(name));
    if (name.size() != 200) ASSERT_TRUE(Eventually([&] { return Status(name).phase == "Pending"; }));
    Delete(name, 1);
    ASSERT_TRUE(Gone(name)) << name.size();
  }
}

TEST_F(Pods, WhatARuntimeSaysOfOtherPodsLeadsNoRemovalAstray) {
  ASSERT_TRUE(os::MakeDirs(paths_.Pods(), 0755));
  ASSERT_TRUE(os::MakeDirs(dir_ + "/keep", 0755));
  for (const char* uid : {"../../../keep", "..", "a/b"}) {
    cri::SandboxConfig config;
    config.name = "x";
    config.uid = uid;
    config.labels = {
        {"io.kubernetes.pod.uid", uid}, {"io.kubernetes.pod.name", "x"}, {"io.kubernetes.pod.namespace", "../../.."}};
    ASSERT_TRUE(SyncWait(*pool_, runtime_.RunSandbox(config)));
  }
  StartManager();
  Put("web", kSimple);
  ASSERT_TRUE(Ready("web"));
  EXPECT_EQ(runtime_.sandboxes(), 4u) << "they are not ours";
  EXPECT_TRUE(os::Exists(dir_ + "/keep"));
}

TEST_F(Pods, FinishedPodsKeepTheirContainersForLogs) {
  StartManager();
  Put("job", R"({"nodeName":"node-a","restartPolicy":"Never","containers":[{"name":"a","image":"img:1"}]})");
  ASSERT_TRUE(Ready("job"));
  ASSERT_TRUE(runtime_.Exit(Uid("job"), "a", 0));
  ASSERT_TRUE(Eventually([&] { return Status("job").phase == "Succeeded"; }));
  EXPECT_EQ(Status("job").container_statuses.at(0).state->terminated->reason, "Completed");
  EXPECT_EQ(runtime_.sandboxes(), 1u);
  Delete("job", 0);
  ASSERT_TRUE(Gone("job"));
}

TEST_F(Pods, WhatTheApiForgotIsEnded) {
  StartManager();
  Put("web", kSimple);
  ASSERT_TRUE(Ready("web"));
  StopManager();
  api_.Remove(Ref("web"));
  StartManager();
  ASSERT_TRUE(Eventually([&] { return runtime_.sandboxes() == 0; }));
}

TEST_F(Pods, AnUnreachableServerDelaysNothingButTheStatus) {
  StartManager();
  std::atomic<bool> down{false};
  api_.SetFault([&](std::string_view verb, const client::Ref&) -> std::optional<Error> {
    if (down && verb == "patch") return Error::ServiceUnavailable("away");
    return std::nullopt;
  });
  down = true;
  Put("web", kSimple);
  ASSERT_TRUE(Eventually([&] { return runtime_.running() == 1; }));
  EXPECT_EQ(Status("web").pod_ip, "");
  down = false;
  ASSERT_TRUE(Ready("web"));
}

TEST_F(Pods, RuntimeFaultsAreRetried) {
  std::atomic<int> failures{3};
  runtime_.SetFault([&](std::string_view call) -> std::optional<Error> {
    if (call == "RunSandbox" && failures-- > 0) return Error::InternalError("no network");
    return std::nullopt;
  });
  StartManager();
  Put("web", kSimple);
  ASSERT_TRUE(Ready("web"));
}

}  // namespace
}  // namespace sampan::node
