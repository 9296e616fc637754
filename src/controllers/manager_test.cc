#include "controllers/manager.h"

#include <gtest/gtest.h>

#include "api/types/discovery.h"
#include "controllers/namespace/plan.h"
#include "controllers/podgc/plan.h"
#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using namespace std::chrono_literals;
using api::apps::Deployment;
using api::core::ConfigMap;
using api::core::Namespace;
using api::core::Pod;
using api::core::ServiceAccount;
using testing::Sim;

// The manager in place of single controllers.
struct ManagerSim : Sim {
  explicit ManagerSim(ManagerOptions options = {.root_ca_pem = "PEM"})
      : manager(api(), executor, clock(), rng(), std::move(options)) {
    Spawn(executor, gate, manager.Run(stop.token()));
    Pass(0s);
  }
  ~ManagerSim() {
    stop.Cancel();
    executor.RunAll();
    EXPECT_EQ(gate.holders(), 0u) << "something of the manager still runs";
  }
  void Pass(Duration total) {
    executor.RunAll();
    while (total > 0s) {
      Duration step = std::min(total, clock().UntilNext().value_or(total));
      clock().Advance(step);
      executor.RunAll();
      total -= step;
    }
  }
  void AddNamespace(const std::string& name) {
    api().Put(fmt::format(R"({{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{}"}},
        "spec":{{"finalizers":["kubernetes"]}},"status":{{"phase":"Active"}}}})",
                          name));
    Pass(10ms);
  }

  ManualExecutor executor;
  ControllerManager manager;
  CancelSource stop;
  Gate gate;
};

TEST(ControllerManager, NamespacesAreBornWithAccountAndCaAndKeepThem) {
  ManagerSim sim;
  sim.AddNamespace("team");
  ASSERT_TRUE(sim.Get<ServiceAccount>("default", "team"));
  ASSERT_TRUE(sim.Get<ConfigMap>("kube-root-ca.crt", "team"));
  EXPECT_EQ(sim.Get<ConfigMap>("kube-root-ca.crt", "team")->data.Get("ca.crt"), "PEM");
  sim.Patch<ConfigMap>("kube-root-ca.crt", R"({"data":{"ca.crt":"spoilt","more":"x"}})", "team");
  sim.Delete<ServiceAccount>("default", {}, "team");
  sim.Pass(10ms);
  EXPECT_EQ(sim.Get<ConfigMap>("kube-root-ca.crt", "team")->data.size(), 1u);
  EXPECT_TRUE(sim.Get<ServiceAccount>("default", "team"));
}

TEST(ControllerManager, NamespaceIsEmptiedThenGone) {
  ManagerSim sim;
  sim.AddNamespace("team");
  sim.api().Put(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"team"},"spec":{
      "replicas":3,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"c"}]}}}})");
  sim.api().Put(R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"held","namespace":"team",
      "finalizers":["example.com/hold"]}})");
  sim.Pass(1s);
  sim.RunPods();
  sim.Pass(1s);
  EXPECT_EQ(sim.ReadyPods(), 3);

  sim.Delete<Namespace>("team");
  sim.Pass(100ms);
  ASSERT_TRUE(sim.Get<Namespace>("team"));
  EXPECT_TRUE(sim.Get<Deployment>("web", "team")) << "pods go first";
  // New pods of the replica set would be refused by a server; here its owner goes with the pods.
  for (int i = 0; i < 20; ++i) {
    sim.RunPods(0);
    sim.api().SetFault([](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
      if (verb == "create" && ref.namespace_ == "team") return Error::Forbidden("namespace team is being terminated");
      return std::nullopt;
    });
    sim.Pass(5s);
  }
  ASSERT_TRUE(sim.Get<Namespace>("team"));
  EXPECT_FALSE(sim.Get<Deployment>("web", "team"));
  std::string message;
  for (const auto& condition : sim.Get<Namespace>("team")->status.conditions) {
    if (condition.type == "NamespaceFinalizersRemaining") message = condition.message;
  }
  EXPECT_EQ(message, "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances");
  sim.Patch<api::core::Secret>("held", R"({"metadata":{"finalizers":null}})", "team");
  sim.Pass(10s);
  EXPECT_FALSE(sim.Get<Namespace>("team"));
  EXPECT_TRUE(sim.api().All(api::KindOf<Pod>(), "team").empty());
}

TEST(ControllerManager, DisabledControllersDoNothing) {
  ManagerSim sim({.disabled = {"serviceaccount-controller"}});
  sim.AddNamespace("team");
  sim.Pass(1s);
  EXPECT_FALSE(sim.Get<ServiceAccount>("default", "team"));
  EXPECT_FALSE(sim.Get<ConfigMap>("kube-root-ca.crt", "team"));
  EXPECT_EQ(ControllerNames().size(), 14u);
}

TEST(ControllerManager, IdleClusterCausesNoWrites) {
  ManagerSim sim;
  sim.AddNamespace("team");
  sim.api().Put(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"team"},"spec":{
      "replicas":3,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"c"}]}}}})");
  sim.api().Put(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"team"},
      "spec":{"selector":{"a":"b"},"ports":[{"port":80}]}})");
  sim.Pass(1s);
  sim.api().SetFault(nullptr);
  int64_t before = sim.api().writes();
  sim.Pass(1h);
  EXPECT_EQ(sim.api().writes() - before, 0);
}

TEST(ControllerManager, ARemovedNodeLeavesNoDnsServerBehind) {
  ManagerSim sim;
  auto slice = [&sim](const std::string& node) {
    sim.api().Put(fmt::format(R"({{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{{
        "name":"kube-dns-{0}","namespace":"kube-system","labels":{{"endpointslice.kubernetes.io/managed-by":"dns.sampan.io"}}}},
        "addressType":"IPv4","endpoints":[{{"addresses":["10.0.0.1"],"nodeName":"{0}"}}]}})",
                              node));
  };
  for (const char* node : {"stays", "goes"}) {
    sim.api().Put(fmt::format(R"({{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{}"}}}})", node));
    slice(node);
  }
  sim.Delete<api::core::Node>("goes");
  sim.Pass(30s);
  EXPECT_EQ(sim.All<api::discovery::EndpointSlice>().size(), 2u) << "the node may be registering itself anew";
  sim.Pass(60s);
  ASSERT_EQ(sim.All<api::discovery::EndpointSlice>().size(), 1u);
  EXPECT_EQ(sim.All<api::discovery::EndpointSlice>()[0].name(), "kube-dns-stays");
}

TEST(PodGcPlan, WhatIsRemoved) {
  auto pod = [](std::string name, std::string node, std::string phase, int age, bool deleting = false) {
    Pod out;
    out.metadata.name = std::move(name);
    out.metadata.creation_timestamp = *ParseTime("2026-01-01T00:00:00Z") - std::chrono::hours(age);
    if (deleting) out.metadata.deletion_timestamp = WallTime();
    out.spec.node_name = std::move(node);
    out.status.phase = std::move(phase);
    return PodPtr(*api::Object::FromValue(api::ToJson(out), 1));
  };
  const std::vector<PodPtr> pods = {
      pod("running", "n", "Running", 9),           pod("orphan", "gone", "Running", 9),
      pod("done-orphan", "gone", "Succeeded", 9),  pod("waiting", "", "Pending", 9),
      pod("never-placed", "", "Pending", 9, true), pod("oldest", "n", "Failed", 8),
      pod("older", "n", "Succeeded", 7),           pod("newest", "n", "Succeeded", 1),
      pod("leaving", "n", "Succeeded", 9, true),   pod("ending", "off", "Running", 9, true),
      pod("staying", "off", "Running", 9),
  };
  auto plan = [&pods](int threshold, const std::unordered_set<std::string>& dead = {}) {
    std::vector<std::string> names;
    for (const auto& doomed : podgc::PlanPodGc({pods, {"gone"}, dead, threshold})) {
      names.push_back(doomed.pod.name() + (doomed.why.empty() ? "" : "!"));
    }
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(plan(0), (Names{"orphan!", "done-orphan", "never-placed"}));
  EXPECT_EQ(plan(0, {"off"}), (Names{"orphan!", "done-orphan", "never-placed", "ending!"}));
  EXPECT_EQ(plan(3), (Names{"orphan!", "done-orphan", "never-placed"}));
  EXPECT_EQ(plan(1), (Names{"orphan!", "done-orphan", "never-placed", "oldest", "older"}));
}

}  // namespace
}  // namespace sampan::controllers
