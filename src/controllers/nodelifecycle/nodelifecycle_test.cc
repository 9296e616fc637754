#include "controllers/nodelifecycle/nodelifecycle.h"

#include <gtest/gtest.h>

#include "api/types/coordination.h"
#include "controllers/nodelifecycle/plan.h"
#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using namespace std::chrono_literals;
using api::core::Node;
using api::core::Pod;
using api::core::Taint;
using api::core::Toleration;
using nodelifecycle::Evict;
using testing::Sim;

const WallTime kNow = *ParseTime("2026-01-01T12:00:00Z");
using Lines = std::vector<std::string>;

Lines Describe(const std::vector<Taint>& taints) {
  Lines lines;
  for (const Taint& taint : taints) lines.push_back(taint.key.substr(taint.key.find('/') + 1) + ":" + taint.effect);
  std::ranges::sort(lines);
  return lines;
}

TEST(NodeLifecyclePlan, Taints) {
  const Taint foreign{"dedicated", "db", "NoExecute"};
  const Taint old_execute{"node.kubernetes.io/unreachable", "", "NoExecute", kNow - 1h};
  struct Row {
    const char* name;
    std::string ready, disk;
    bool unschedulable;
    std::vector<Taint> has;
    Evict evict;
    std::optional<Lines> want;
  };
  const Row rows[] = {
      {"healthy", "True", "False", false, {}, Evict::kKeep, {}},
      {"foreign taints stay", "True", "False", false, {foreign}, Evict::kKeep, {}},
      {"not ready", "False", "False", false, {}, Evict::kKeep, Lines{"not-ready:NoSchedule"}},
      {"unreachable", "Unknown", "False", false, {}, Evict::kKeep, Lines{"unreachable:NoSchedule"}},
      {"unreachable, its turn to be emptied",
       "Unknown",
       "False",
       false,
       {},
       Evict::kYes,
       Lines{"unreachable:NoExecute", "unreachable:NoSchedule"}},
      {"kept while it lasts",
       "Unknown",
       "False",
       false,
       {old_execute},
       Evict::kKeep,
       Lines{"unreachable:NoExecute", "unreachable:NoSchedule"}},
      {"evictions suspended", "Unknown", "False", false, {old_execute}, Evict::kNo, Lines{"unreachable:NoSchedule"}},
      {"ready again", "True", "False", false, {old_execute, foreign}, Evict::kYes, Lines{"dedicated:NoExecute"}},
      {"from unreachable to not ready",
       "False",
       "False",
       false,
       {old_execute},
       Evict::kYes,
       Lines{"not-ready:NoExecute", "not-ready:NoSchedule"}},
      {"cordoned and full",
       "True",
       "True",
       true,
       {},
       Evict::kKeep,
       Lines{"disk-pressure:NoSchedule", "unschedulable:NoSchedule"}},
  };
  for (const Row& row : rows) {
    Node node;
    node.spec.taints = row.has;
    node.spec.unschedulable = row.unschedulable;
    node.status.conditions = {{.type = "Ready", .status = row.ready}, {.type = "DiskPressure", .status = row.disk}};
    auto taints = nodelifecycle::PlanTaints(node, row.evict, kNow);
    ASSERT_EQ(taints.has_value(), row.want.has_value()) << row.name;
    if (taints) EXPECT_EQ(Describe(*taints), *row.want) << row.name;
    if (!taints) continue;
    node.spec.taints = *taints;
    EXPECT_FALSE(nodelifecycle::PlanTaints(node, row.evict, kNow + 1h)) << row.name << ": planned twice";
  }
}

TEST(NodeLifecyclePlan, Pace) {
  struct Row {
    int ready, not_ready;
    bool allowed;
    Duration interval;
  };
  for (const Row& row : {Row{3, 0, true, 10s}, Row{9, 1, true, 10s}, Row{0, 1, false, 10s}, Row{1, 2, true, 10s},
                         Row{2, 3, false, 100s}, Row{40, 60, true, 100s}, Row{0, 100, false, 10s}}) {
    nodelifecycle::EvictionPace pace = nodelifecycle::PlanPace(row.ready, row.not_ready, {});
    EXPECT_EQ(pace.allowed, row.allowed) << row.ready << "/" << row.not_ready;
    if (pace.allowed) EXPECT_EQ(pace.interval, row.interval) << row.ready << "/" << row.not_ready;
  }
}

TEST(NodeLifecyclePlan, EvictionHonoursTolerations) {
  const Taint lost{"node.kubernetes.io/unreachable", "", "NoExecute", kNow - 100s};
  const Taint no_schedule{"x", "", "NoSchedule"};
  auto toleration = [](std::string key, std::optional<int64_t> seconds, std::string effect = "NoExecute") {
    return Toleration{std::move(key), "Exists", "", std::move(effect), seconds};
  };
  struct Row {
    const char* name;
    std::vector<Taint> taints;
    std::vector<Toleration> tolerations;
    bool evict;
    Duration after;
  };
  const Row rows[] = {
      {"no taint", {}, {}, false, 0s},
      {"NoSchedule does not touch running pods", {no_schedule}, {}, false, 0s},
      {"untolerated", {lost}, {}, true, 0s},
      {"tolerated for ever", {lost}, {toleration(lost.key, {})}, false, 0s},
      {"tolerated for a while", {lost}, {toleration(lost.key, 300)}, true, 200s},
      {"while is over", {lost}, {toleration(lost.key, 30)}, true, -70s},
      {"shortest counts", {lost}, {toleration(lost.key, 300), toleration("", 150)}, true, 50s},
      {"everything tolerated", {lost}, {toleration("", {}, "")}, false, 0s},
      {"other effect", {lost}, {toleration(lost.key, {}, "NoSchedule")}, true, 0s},
      {"one of two untolerated", {lost, {"a", "b", "NoExecute", kNow}}, {toleration(lost.key, {})}, true, 0s},
      {"by value", {{"a", "b", "NoExecute", kNow}}, {{"a", "Equal", "b", "", {}}}, false, 0s},
      {"wrong value", {{"a", "b", "NoExecute", kNow}}, {{"a", "Equal", "c", "", {}}}, true, 0s},
  };
  for (const Row& row : rows) {
    Pod pod;
    pod.spec.tolerations = row.tolerations;
    nodelifecycle::PodFate fate = nodelifecycle::PlanEviction(pod, row.taints, kNow);
    EXPECT_EQ(fate.evict, row.evict) << row.name;
    EXPECT_EQ(fate.after, row.after) << row.name;
  }
}

struct NodeSim : Sim {
  NodeSim() {
    Start(NewNodeLifecycleController(world()));
    Start(NewTaintEvictionController(world()));
  }
  void AddNode(const std::string& name) {
    api().Put(fmt::format(R"({{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{}"}},"spec":{{}},"status":{{
        "conditions":[{{"type":"Ready","status":"True","lastHeartbeatTime":"{}"}}]}}}})",
                          name, FormatTime(clock().Now())));
    Beat(name);
  }
  void Beat(const std::string& name) {
    api().Put(fmt::format(R"({{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{{"name":"{}",
        "namespace":"kube-node-lease"}},"spec":{{"renewTime":"{}"}}}})",
                          name, FormatMicroTime(clock().Now())));
    Settle();
  }
  // The node's agent says that it is well.
  void Recover(const std::string& name) {
    Patch<Node>(name, "{}");
    json::Value value = api().Peek(client::RefOf<Node>("", name))->Parse();
    value.as_object()["status"].as_object()["conditions"] =
        json::Array{json::Object{{"type", "Ready"}, {"status", "True"}, {"lastHeartbeatTime", FormatTime(clock().Now())}}};
    api().PutValue(std::move(value));
    Beat(name);
  }
  void AddPod(const std::string& name, const std::string& node, int toleration_seconds) {
    api().Put(fmt::format(
        R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{}","namespace":"default"}},"spec":{{"nodeName":"{}",
        "containers":[],"tolerations":[{{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute",
        "tolerationSeconds":{}}}]}},"status":{{"phase":"Running","conditions":[{{"type":"Ready","status":"True"}}]}}}})",
        name, node, toleration_seconds));
    Settle();
  }
  // Time passes; `alive` renew their leases.
  void Run(Duration total, const Lines& alive) {
    for (; total > 0s; total -= 10s) {
      for (const std::string& node : alive) Beat(node);
      Advance(std::min<Duration>(total, 10s));
    }
  }
  Lines TaintsOf(const std::string& name) const { return Describe(Get<Node>(name)->spec.taints); }
  std::string ReadyOf(const std::string& name) const {
    const auto* ready = nodelifecycle::FindCondition(*Get<Node>(name), "Ready");
    return ready == nullptr ? "" : ready->status + " " + ready->reason;
  }
};

TEST(NodeLifecycleController, SilentNodeIsMarkedTaintedAndEmptied) {
  NodeSim sim;
  sim.AddNode("a");
  sim.AddNode("b");
  sim.AddPod("brief", "a", 20);
  sim.AddPod("patient", "a", 300);
  sim.AddPod("elsewhere", "b", 20);
  sim.Run(120s, {"a", "b"});
  EXPECT_EQ(sim.TaintsOf("a"), Lines{});

  sim.Run(60s, {"b"});
  EXPECT_EQ(sim.ReadyOf("a"), "Unknown NodeStatusUnknown");
  EXPECT_EQ(sim.TaintsOf("a"), (Lines{"unreachable:NoExecute", "unreachable:NoSchedule"}));
  EXPECT_FALSE(IsReady(*sim.Get<Pod>("patient")));
  EXPECT_TRUE(IsReady(*sim.Get<Pod>("elsewhere")));
  sim.Run(30s, {"b"});
  EXPECT_TRUE(sim.Get<Pod>("brief").object()->deleting());
  EXPECT_FALSE(sim.Get<Pod>("patient").object()->deleting());

  sim.Recover("a");
  sim.Run(20s, {"a", "b"});
  EXPECT_EQ(sim.TaintsOf("a"), Lines{});
  sim.Run(400s, {"a", "b"});
  EXPECT_FALSE(sim.Get<Pod>("patient").object()->deleting()) << "a taint that went is forgotten";
  EXPECT_FALSE(sim.Get<Pod>("elsewhere").object()->deleting());
}

TEST(NodeLifecycleController, ItsOwnStandstillIsNoSilenceOfTheNodes) {
  NodeSim sim;
  sim.AddNode("a");
  sim.AddPod("pod", "a", 0);
  sim.Run(30s, {"a"});
  sim.clock().Advance(2min);  // and nothing runs meanwhile
  sim.Settle();
  EXPECT_EQ(sim.ReadyOf("a"), "True ");
  EXPECT_TRUE(IsReady(*sim.Get<Pod>("pod")));
  sim.Run(60s, {});
  EXPECT_EQ(sim.ReadyOf("a"), "Unknown NodeStatusUnknown") << "afterwards silence counts again";
}

TEST(NodeLifecycleController, NothingIsEvictedWhenNoNodeIsLeft) {
  NodeSim sim;
  for (const char* node : {"a", "b", "c"}) sim.AddNode(node);
  sim.AddPod("pod", "a", 0);
  sim.Run(10min, {});
  EXPECT_EQ(sim.ReadyOf("a"), "Unknown NodeStatusUnknown");
  EXPECT_EQ(sim.TaintsOf("a"), Lines{"unreachable:NoSchedule"});
  EXPECT_FALSE(sim.Get<Pod>("pod").object()->deleting());
}

TEST(NodeLifecycleController, NodesAreEmptiedOneAnInterval) {
  NodeSim sim;
  Lines alive;
  for (int i = 0; i < 10; ++i) {
    sim.AddNode(fmt::format("n{}", i));
    if (i >= 4) alive.push_back(fmt::format("n{}", i));
  }
  auto emptied = [&sim] {
    int count = 0;
    for (int i = 0; i < 10; ++i) count += sim.TaintsOf(fmt::format("n{}", i)).size() == 2 ? 1 : 0;
    return count;
  };
  sim.Run(50s, alive);
  EXPECT_EQ(emptied(), 1);
  sim.Run(10s, alive);
  EXPECT_EQ(emptied(), 2);
  sim.Run(60s, alive);
  EXPECT_EQ(emptied(), 4);
}

TEST(NodeLifecycleController, NodeThatNeverReportedBecomesUnknown) {
  NodeSim sim;
  sim.api().Put(R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"mute"},"spec":{}})");
  sim.Run(50s, {});
  EXPECT_EQ(sim.ReadyOf("mute"), "");
  sim.Run(20s, {});
  EXPECT_EQ(sim.ReadyOf("mute"), "Unknown NodeStatusNeverUpdated");
  int64_t writes = sim.api().writes();
  sim.Run(5min, {});
  EXPECT_EQ(sim.api().writes(), writes);
}

TEST(NodeLifecyclePlan, TolerationsOfAnyLengthEndAtTheLimits) {
  struct Row {
    int64_t seconds;
    WallTime added;
    bool for_ever;
  };
  const Row rows[] = {{INT64_MAX, kNow, true},
                      {INT64_MIN, kNow, false},
                      {9'223'372'036, kNow, true},
                      {INT64_MAX, WallTime::max(), true},
                      {0, WallTime::min(), false}};
  for (const Row& row : rows) {
    Pod pod;
    pod.spec.tolerations.push_back({.operator_ = "Exists", .toleration_seconds = row.seconds});
    const std::vector<api::core::Taint> taints = {{"k", "", "NoExecute", row.added}};
    nodelifecycle::PodFate fate = nodelifecycle::PlanEviction(pod, taints, kNow);
    EXPECT_TRUE(fate.evict);
    EXPECT_EQ(fate.after > std::chrono::years(100), row.for_ever) << row.seconds;
  }
}

}  // namespace
}  // namespace sampan::controllers
