#include "controllers/deployment/deployment.h"

#include <gtest/gtest.h>

#include "controllers/deployment/plan.h"
#include "controllers/replicaset/replicaset.h"
#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using namespace std::chrono_literals;
using api::apps::Deployment;
using api::apps::ReplicaSet;
using api::core::Pod;
using deployment::DeploymentPtr;
using testing::Sim;

std::string DeploymentJson(std::string_view name, int replicas, std::string_view image, std::string_view extra = "") {
  return fmt::format(
      R"({{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"{0}","namespace":"default"}},
      "spec":{{"replicas":{1},"progressDeadlineSeconds":600,"revisionHistoryLimit":10,{3}
      "selector":{{"matchLabels":{{"app":"{0}"}}}},"template":{{"metadata":{{"labels":{{"app":"{0}"}}}},
      "spec":{{"containers":[{{"name":"c","image":"{2}"}}]}}}}}}}})",
      name, replicas, image, extra);
}

constexpr std::string_view kRolling =
    R"("strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"}},)";

struct SimWithBoth : Sim {
  explicit SimWithBoth(uint64_t seed = 1) : Sim(seed) {
    Start(NewReplicaSetController(world()));
    Start(NewDeploymentController(world()));
  }
  // Sizes of the deployment's sets, by image.
  std::map<std::string, int> Sizes() const {
    std::map<std::string, int> sizes;
    for (const ReplicaSetPtr& set : All<ReplicaSet>()) {
      sizes[set->spec.template_->spec.containers[0].image] += set->spec.replicas.value_or(1);
    }
    return sizes;
  }
  void SetImage(const std::string& name, std::string_view image) {
    Patch<Deployment>(
        name, fmt::format(R"({{"spec":{{"template":{{"spec":{{"containers":[{{"name":"c","image":"{}"}}]}}}}}}}})", image));
  }
  std::string Condition(const std::string& name, std::string_view type) const {
    for (const auto& condition : Get<Deployment>(name)->status.conditions) {
      if (condition.type == type) return condition.status + " " + condition.reason;
    }
    return "";
  }
};

using Sizes = std::map<std::string, int>;

TEST(DeploymentPlan, Bounds) {
  struct Row {
    int replicas;
    const char *surge, *unavailable;
    int want_surge, want_unavailable;
  };
  const Row rows[] = {
      {4, R"("25%")", R"("25%")", 1, 1},
      {5, R"("25%")", R"("25%")", 2, 1},
      {1, R"("25%")", R"("25%")", 1, 0},
      {10, "3", "2", 3, 2},
      {10, "0", "0", 0, 1},
      {2, "0", "5", 0, 2},
      {3, R"("0%")", R"("10%")", 0, 1},
      {0, R"("50%")", R"("50%")", 0, 0},
      {1000, R"("1%")", R"("1%")", 10, 10},
  };
  for (const Row& row : rows) {
    std::string strategy =
        fmt::format(R"("strategy":{{"type":"RollingUpdate","rollingUpdate":{{"maxSurge":{},"maxUnavailable":{}}}}},)",
                    row.surge, row.unavailable);
    Deployment d = *api::FromJsonText<Deployment>(DeploymentJson("d", row.replicas, "i", strategy));
    deployment::Bounds bounds = deployment::ResolveBounds(d);
    EXPECT_EQ(bounds.max_surge, row.want_surge) << strategy << row.replicas;
    EXPECT_EQ(bounds.max_unavailable, row.want_unavailable) << strategy << row.replicas;
  }
}

TEST(DeploymentPlan, TemplatesCompareWithoutTheHashLabelAndHashStably) {
  Deployment d = *api::FromJsonText<Deployment>(DeploymentJson("d", 1, "i"));
  auto with_hash = d.spec.template_;
  with_hash.metadata.labels["pod-template-hash"] = "abc";
  EXPECT_TRUE(deployment::SameTemplate(d.spec.template_, with_hash));
  auto other = d.spec.template_;
  other.spec.containers[0].image = "j";
  EXPECT_FALSE(deployment::SameTemplate(d.spec.template_, other));
  EXPECT_EQ(deployment::TemplateHash(d.spec.template_, 0), deployment::TemplateHash(d.spec.template_, 0));
  EXPECT_NE(deployment::TemplateHash(d.spec.template_, 0), deployment::TemplateHash(other, 0));
  EXPECT_NE(deployment::TemplateHash(d.spec.template_, 0), deployment::TemplateHash(d.spec.template_, 1));
}

// Two sets of a deployment in the middle of something; what the next step makes of their sizes.
struct StepCase {
  const char* name;
  int replicas;
  const char* strategy;  // JSON of spec.strategy and more
  int old_size, old_available;
  int new_size, new_available;
  int noted_replicas;  // what the sets' annotations remember; with surge 25%
  Sizes want;
};

Sizes RunStep(const StepCase& c) {
  DeploymentPtr d(*api::Object::FromValue(
      [&] {
        json::Value value = *json::Parse(DeploymentJson("d", c.replicas, "new", c.strategy));
        value.as_object()["metadata"].as_object()["uid"] = "u";
        value.as_object()["metadata"].as_object()["generation"] = 2;
        return value;
      }(),
      5));
  auto set = [&](std::string image, int size, int available, std::string created) {
    ReplicaSet out;
    out.metadata.name = "d-" + image;
    out.metadata.uid = image;
    out.metadata.creation_timestamp = *ParseTime(created);
    out.metadata.annotations["deployment.kubernetes.io/desired-replicas"] = std::to_string(c.noted_replicas);
    out.metadata.annotations["deployment.kubernetes.io/max-replicas"] =
        std::to_string(c.noted_replicas + (c.noted_replicas + 3) / 4);
    out.spec.replicas = size;
    out.spec.template_ = d->spec.template_;
    out.spec.template_->spec.containers[0].image = image;
    out.status.replicas = size;
    out.status.available_replicas = available;
    out.status.ready_replicas = available;
    return ReplicaSetPtr(*api::Object::FromValue(api::ToJson(out), 1));
  };
  deployment::Input input{d, {}, false, *ParseTime("2026-01-02T00:00:00Z")};
  if (c.old_size >= 0) input.sets.push_back(set("old", c.old_size, c.old_available, "2026-01-01T00:00:00Z"));
  if (c.new_size >= 0) input.sets.push_back(set("new", c.new_size, c.new_available, "2026-01-01T01:00:00Z"));
  deployment::Plan plan = deployment::PlanDeployment(input);
  Sizes sizes;
  if (plan.create) sizes["create"] = plan.create->replicas;
  for (const auto& change : plan.changes) {
    if (change.replicas) sizes[change.set.uid()] = *change.replicas;
  }
  return sizes;
}

TEST(DeploymentPlan, Steps) {
  const char* rolling = kRolling.data();
  const char* recreate = R"("strategy":{"type":"Recreate"},)";
  const char* paused = R"("paused":true,"strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"}},)";
  const char* no_surge = R"("strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":1}},)";
  const StepCase cases[] = {
      {"first set at full size", 3, rolling, -1, 0, -1, 0, 3, {{"create", 3}}},
      {"new set as large as the surge allows", 4, rolling, 4, 4, -1, 0, 4, {{"create", 1}}},
      {"new set waits when there is no room", 4, no_surge, 4, 4, -1, 0, 4, {{"create", 0}}},
      {"old shrinks by what may be unavailable", 4, rolling, 4, 4, 1, 0, 4, {{"old", 3}}},
      {"new grows into the room", 4, rolling, 3, 3, 1, 0, 4, {{"new", 2}}},
      {"nothing until pods become available", 4, rolling, 3, 3, 2, 0, 4, {}},
      {"one became available, one old may go", 4, rolling, 3, 3, 2, 1, 4, {{"old", 2}}},
      {"broken old pods go first", 4, rolling, 4, 1, 1, 0, 4, {{"old", 3}}},
      {"broken old pods go though nothing is available", 4, rolling, 4, 0, 1, 1, 4, {{"old", 2}}},
      {"last old pods go", 4, rolling, 1, 1, 4, 4, 4, {{"old", 0}}},
      {"done", 4, rolling, 0, 0, 4, 4, 4, {}},
      {"without surge old makes room first", 4, no_surge, 4, 4, 0, 0, 4, {{"old", 3}}},
      {"without surge new follows", 4, no_surge, 3, 3, 0, 0, 4, {{"new", 1}}},
      {"recreate stops the old first", 3, recreate, 3, 3, -1, 0, 3, {{"old", 0}}},
      {"recreate then starts the new", 3, recreate, 0, 0, -1, 0, 3, {{"create", 3}}},
      {"recreate grows an existing set", 3, recreate, 0, 0, 1, 1, 3, {{"new", 3}}},
      {"resized during a rollout: in proportion", 20, rolling, 8, 8, 5, 5, 10, {{"old", 15}, {"new", 10}}},
      {"shrunk during a rollout: in proportion", 4, rolling, 8, 8, 5, 5, 10, {{"old", 3}, {"new", 2}}},
      {"resized to nothing", 0, rolling, 8, 8, 5, 5, 10, {{"old", 0}, {"new", 0}}},
      {"resized at rest", 7, rolling, 0, 0, 4, 4, 4, {{"new", 7}}},
      {"paused: no new set", 4, paused, 4, 4, -1, 0, 4, {}},
      {"paused: still resized", 6, paused, 4, 4, -1, 0, 4, {{"old", 6}}},
      {"new too large shrinks", 2, rolling, 0, 0, 4, 4, 2, {{"new", 2}}},
  };
  for (const StepCase& c : cases) EXPECT_EQ(RunStep(c), c.want) << c.name;
}

TEST(DeploymentController, RollsOutWithConditionsRevisionsAndEvents) {
  SimWithBoth sim;
  sim.api().Put(DeploymentJson("web", 3, "v1", kRolling));
  sim.Settle();
  EXPECT_EQ(sim.Condition("web", "Progressing"), "True ReplicaSetUpdated");
  EXPECT_EQ(sim.Condition("web", "Available"), "False MinimumReplicasUnavailable");
  sim.Converge();
  DeploymentPtr d = sim.Get<Deployment>("web");
  EXPECT_EQ(d->status.available_replicas, 3);
  EXPECT_EQ(d->status.updated_replicas, 3);
  EXPECT_FALSE(d->status.unavailable_replicas);
  EXPECT_EQ(d->status.terminating_replicas, 0);
  EXPECT_EQ(d->status.observed_generation, d->metadata.generation);
  EXPECT_EQ(sim.Condition("web", "Progressing"), "True NewReplicaSetAvailable");
  EXPECT_EQ(sim.Condition("web", "Available"), "True MinimumReplicasAvailable");
  EXPECT_EQ(d->metadata.annotations.Get("deployment.kubernetes.io/revision"), "1");
  ReplicaSetPtr set = sim.All<ReplicaSet>()[0];
  std::string hash = set->metadata.labels.Get("pod-template-hash");
  EXPECT_EQ(set.name(), "web-" + hash);
  EXPECT_EQ(set->spec.selector.match_labels.Get("pod-template-hash"), hash);
  EXPECT_EQ(sim.ActivePods()[0].head().labels.Get("pod-template-hash"), hash);
  EXPECT_EQ(set->metadata.annotations.Get("deployment.kubernetes.io/max-replicas"), "4");
  std::vector<std::string> events = sim.Events();
  EXPECT_EQ(std::ranges::count(events, "ScalingReplicaSet: Scaled up replica set " + set.name() + " from 0 to 3"), 1);

  sim.SetImage("web", "v2");
  sim.Converge();
  EXPECT_EQ(sim.Sizes(), (Sizes{{"v1", 0}, {"v2", 3}}));
  EXPECT_EQ(sim.Get<Deployment>("web")->metadata.annotations.Get("deployment.kubernetes.io/revision"), "2");

  // kubectl rollout undo: the old template again, as a new revision of the old set.
  sim.SetImage("web", "v1");
  sim.Converge();
  EXPECT_EQ(sim.Sizes(), (Sizes{{"v1", 3}, {"v2", 0}}));
  EXPECT_EQ(sim.Get<Deployment>("web")->metadata.annotations.Get("deployment.kubernetes.io/revision"), "3");
  EXPECT_EQ(sim.Get<ReplicaSet>(set.name())->metadata.annotations.Get("deployment.kubernetes.io/revision-history"), "1");
}

TEST(DeploymentController, RollingUpdateKeepsItsBounds) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SimWithBoth sim(seed);
    sim.api().Put(DeploymentJson("web", 10, "v1", kRolling));  // surge 3, unavailable 2
    sim.Converge();
    sim.SetImage("web", "v2");
    int steps = 0;
    while (true) {
      EXPECT_GE(sim.ReadyPods(), 8) << "seed " << seed;
      EXPECT_LE(sim.ActivePods().size(), 13u) << "seed " << seed;
      // Pods come up a few at a time, in an order that the seed decides; some fail again.
      std::vector<PodPtr> ready = sim.ActivePods();
      std::erase_if(ready, [](const PodPtr& pod) { return !IsReady(*pod); });
      if (++steps < 30 && sim.rng().Below(4) == 0 && ready.size() > 9) {
        sim.ReportPod(ready[sim.rng().Below(ready.size())], Sim::Ready::kNo);
        sim.Settle();
        sim.RunPods();
        continue;
      }
      if (sim.RunPods(1 + static_cast<int>(sim.rng().Below(3))) == 0) break;
    }
    EXPECT_EQ(sim.Sizes(), (Sizes{{"v1", 0}, {"v2", 10}})) << "seed " << seed;
  }
}

TEST(DeploymentController, RecreateNeverRunsTwoVersions) {
  SimWithBoth sim;
  sim.api().Put(DeploymentJson("web", 3, "v1", R"("strategy":{"type":"Recreate"},)"));
  sim.Converge();
  sim.SetImage("web", "v2");
  EXPECT_EQ(sim.Sizes(), (Sizes{{"v1", 0}}));
  EXPECT_EQ(sim.All<Pod>().size(), 3u);
  sim.Converge();
  EXPECT_EQ(sim.Sizes(), (Sizes{{"v1", 0}, {"v2", 3}}));
  EXPECT_EQ(sim.ReadyPods(), 3);
}

TEST(DeploymentController, PausedRolloutWaitsAndResumes) {
  SimWithBoth sim;
  sim.api().Put(DeploymentJson("web", 3, "v1", kRolling));
  sim.Converge();
  sim.Patch<Deployment>("web", R"({"spec":{"paused":true}})");
  sim.SetImage("web", "v2");
  sim.Converge();
  EXPECT_EQ(sim.Sizes(), (Sizes{{"v1", 3}}));
  EXPECT_EQ(sim.Condition("web", "Progressing"), "Unknown DeploymentPaused");
  sim.Patch<Deployment>("web", R"({"spec":{"replicas":5}})");
  sim.Converge();
  EXPECT_EQ(sim.Sizes(), (Sizes{{"v1", 5}}));
  sim.Patch<Deployment>("web", R"({"spec":{"paused":false}})");
  sim.Converge();
  EXPECT_EQ(sim.Sizes(), (Sizes{{"v1", 0}, {"v2", 5}}));
  EXPECT_EQ(sim.Condition("web", "Progressing"), "True NewReplicaSetAvailable");
}

TEST(DeploymentController, StuckRolloutExceedsItsDeadline) {
  SimWithBoth sim;
  sim.api().Put(DeploymentJson("web", 3, "v1", kRolling));
  sim.Converge();
  sim.SetImage("web", "v2");
  sim.Advance(590s);
  EXPECT_EQ(sim.Condition("web", "Progressing").substr(0, 4), "True");
  sim.Advance(20s);
  EXPECT_EQ(sim.Condition("web", "Progressing"), "False ProgressDeadlineExceeded");
  EXPECT_EQ(sim.Condition("web", "Available"), "True MinimumReplicasAvailable");
  sim.Converge();
  EXPECT_EQ(sim.Condition("web", "Progressing"), "True NewReplicaSetAvailable");
}

TEST(DeploymentController, KeepsAsMuchHistoryAsAsked) {
  SimWithBoth sim;
  sim.api().Put(DeploymentJson("web", 1, "v0", kRolling));
  sim.Converge();
  sim.Patch<Deployment>("web", R"({"spec":{"revisionHistoryLimit":2}})");
  for (int i = 1; i <= 5; ++i) {
    sim.SetImage("web", fmt::format("v{}", i));
    sim.Converge();
  }
  EXPECT_EQ(sim.Sizes(), (Sizes{{"v3", 0}, {"v4", 0}, {"v5", 1}}));
}

TEST(DeploymentController, NameCollisionGetsAnotherHash) {
  SimWithBoth sim;
  Deployment d = *api::FromJsonText<Deployment>(DeploymentJson("web", 2, "v1", kRolling));
  std::string taken = "web-" + deployment::TemplateHash(d.spec.template_, 0);
  sim.api().Put(fmt::format(R"({{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{{"name":"{}","namespace":"default"}},
      "spec":{{"replicas":0,"selector":{{"matchLabels":{{"app":"x"}}}},"template":{{"metadata":{{"labels":{{"app":"x"}}}}}}}}}})",
                            taken));
  sim.api().Put(DeploymentJson("web", 2, "v1", kRolling));
  sim.Advance(1s);
  sim.Converge();
  EXPECT_EQ(sim.Get<Deployment>("web")->status.collision_count, 1);
  EXPECT_EQ(sim.ReadyPods(), 2);
}

TEST(DeploymentController, TwoHundredConvergeWithBoundedWrites) {
  SimWithBoth sim;
  constexpr int kDeployments = 200;
  for (int i = 0; i < kDeployments; ++i) sim.api().Put(DeploymentJson(fmt::format("d{}", i), 3, "v1", kRolling));
  sim.Converge();
  EXPECT_EQ(sim.ReadyPods(), 3 * kDeployments);
  for (const DeploymentPtr& d : sim.All<Deployment>()) ASSERT_EQ(d->status.available_replicas, 3) << d.name();
  int64_t before = sim.api().writes();
  sim.Advance(1h);
  EXPECT_EQ(sim.api().writes(), before) << "something writes without need";
}

}  // namespace
}  // namespace sampan::controllers
