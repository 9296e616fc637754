#include "controllers/replicaset/replicaset.h"

#include <gtest/gtest.h>

#include "controllers/replicaset/plan.h"
#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using namespace std::chrono_literals;
using api::apps::ReplicaSet;
using api::core::Pod;
using testing::Sim;

const WallTime kNow = *ParseTime("2026-01-01T12:00:00Z");

struct PodSpecimen {
  std::string name;
  std::string node = "n1";
  std::string phase = "Running";
  std::string ready = "True";
  Duration age = 1h;
  Duration ready_for = 1h;
  int restarts = 0;
  int cost = 0;
  int related = 1;
};

PodPtr Make(const PodSpecimen& s) {
  Pod pod;
  pod.metadata.name = s.name;
  pod.metadata.namespace_ = "default";
  pod.metadata.uid = "uid-" + s.name;
  pod.metadata.creation_timestamp = kNow - s.age;
  if (s.cost != 0) pod.metadata.annotations["controller.kubernetes.io/pod-deletion-cost"] = std::to_string(s.cost);
  pod.spec.node_name = s.node;
  pod.status.phase = s.phase;
  pod.status.conditions.push_back({.type = "Ready", .status = s.ready, .last_transition_time = kNow - s.ready_for});
  pod.status.container_statuses.push_back({.name = "c", .restart_count = s.restarts});
  return PodPtr(*api::Object::FromValue(api::ToJson(pod), 1));
}

struct RankingCase {
  const char* name;
  PodSpecimen goes, stays;
};

TEST(ReplicaSetPlan, DeletionRanking) {
  const RankingCase cases[] = {
      {"unassigned before assigned", {"x", ""}, {"y"}},
      {"pending before running", {"x", "n1", "Pending", "False"}, {"y", "n1", "Running", "False"}},
      {"not ready before ready", {"x", "n1", "Running", "False"}, {"y"}},
      {"cheaper before dearer", {.name = "x", .cost = -5}, {.name = "y", .cost = 7}},
      {"doubled up before alone", {.name = "x", .related = 3}, {.name = "y", .related = 1}},
      {"ready more recently before ready longer", {.name = "x", .ready_for = 1min}, {.name = "y", .ready_for = 2h}},
      {"restarted more often first", {.name = "x", .restarts = 4}, {.name = "y", .restarts = 1}},
      {"newer before older", {.name = "x", .age = 90min}, {.name = "y", .age = 50h}},
      {"not ready counts more than cost", {.name = "x", .ready = "False", .cost = 9}, {.name = "y", .cost = -9}},
      {"same order of magnitude of age: by uid", {.name = "a", .age = 100min}, {.name = "b", .age = 95min}},
  };
  for (const RankingCase& c : cases) {
    for (bool swapped : {false, true}) {
      std::vector<PodSpecimen> in = swapped ? std::vector{c.stays, c.goes} : std::vector{c.goes, c.stays};
      std::vector<PodPtr> pods{Make(in[0]), Make(in[1])};
      std::vector<int> related{in[0].related, in[1].related};
      replicaset::ReplicaPlan plan = replicaset::PlanReplicas(1, pods, related, kNow);
      ASSERT_EQ(plan.remove.size(), 1u) << c.name;
      EXPECT_EQ(plan.remove[0].name(), c.goes.name) << c.name;
    }
  }
}

TEST(ReplicaSetPlan, CreatesWhatIsMissingInBursts) {
  std::vector<PodPtr> two{Make({"a"}), Make({"b"})};
  struct Row {
    int desired, create;
    size_t remove;
  };
  for (Row row : {Row{2, 0, 0}, Row{5, 3, 0}, Row{0, 0, 2}, Row{1, 0, 1}, Row{2000, 500, 0}}) {
    replicaset::ReplicaPlan plan = replicaset::PlanReplicas(row.desired, two, {}, kNow);
    EXPECT_EQ(plan.create, row.create) << row.desired;
    EXPECT_EQ(plan.remove.size(), row.remove) << row.desired;
  }
}

std::string SetJson(std::string_view name, int replicas, std::string_view extra = "") {
  return fmt::format(
      R"({{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{{"name":"{}","namespace":"default"}},"spec":{{
      "replicas":{},{}"selector":{{"matchLabels":{{"app":"{}"}}}},
      "template":{{"metadata":{{"labels":{{"app":"{}"}}}},"spec":{{"containers":[{{"name":"c","image":"i"}}]}}}}}}}})",
      name, replicas, extra, name, name);
}

TEST(ReplicaSetController, CreatesReplacesScalesAndReports) {
  Sim sim;
  sim.Start(NewReplicaSetController(sim.world()));
  sim.api().Put(SetJson("web", 3));
  sim.Settle();
  ASSERT_EQ(sim.ActivePods().size(), 3u);
  EXPECT_TRUE(sim.ActivePods()[0].name().starts_with("web-"));
  EXPECT_EQ(sim.Get<ReplicaSet>("web")->status.replicas, 3);
  sim.Converge();
  EXPECT_EQ(sim.Get<ReplicaSet>("web")->status.available_replicas, 3);
  EXPECT_EQ(sim.Get<ReplicaSet>("web")->status.observed_generation, 1);

  std::string victim = sim.ActivePods()[0].name();
  sim.Delete<Pod>(victim);
  EXPECT_EQ(sim.ActivePods().size(), 3u);
  EXPECT_EQ(sim.Get<ReplicaSet>("web")->status.terminating_replicas, 1);
  sim.Converge();
  EXPECT_FALSE(sim.Get<Pod>(victim));
  EXPECT_EQ(sim.Get<ReplicaSet>("web")->status.terminating_replicas, 0);

  sim.Patch<ReplicaSet>("web", R"({"spec":{"replicas":1}})");
  sim.Converge();
  EXPECT_EQ(sim.All<Pod>().size(), 1u);
  EXPECT_EQ(sim.Get<ReplicaSet>("web")->status.replicas, 1);
  std::vector<std::string> events = sim.Events();
  EXPECT_EQ(
      std::ranges::count_if(events, [](const auto& e) { return e.starts_with("SuccessfulCreate: Created pod: web-"); }), 4);
  EXPECT_EQ(
      std::ranges::count_if(events, [](const auto& e) { return e.starts_with("SuccessfulDelete: Deleted pod: web-"); }), 2);
}

TEST(ReplicaSetController, AdoptsOrphansAndReleasesWhatNoLongerMatches) {
  Sim sim;
  sim.api().Put(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"stray","namespace":"default","labels":{"app":"web"}},
                    "spec":{"containers":[]}})");
  sim.Start(NewReplicaSetController(sim.world()));
  sim.api().Put(SetJson("web", 2));
  sim.Settle();
  EXPECT_EQ(sim.ActivePods().size(), 2u);
  EXPECT_EQ(ControllerOf(sim.Get<Pod>("stray").head())->name, "web");
  sim.Patch<Pod>("stray", R"({"metadata":{"labels":{"app":"other"}}})");
  EXPECT_EQ(sim.ActivePods().size(), 3u);
  EXPECT_EQ(ControllerOf(sim.Get<Pod>("stray").head()), nullptr);
}

TEST(ReplicaSetController, RefusedCreationsStartSlowlyAndAreReported) {
  Sim sim;
  int refused = 0;
  sim.api().SetFault([&refused](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
    if (verb != "create" || ref.kind->kind != "Pod") return std::nullopt;
    ++refused;
    return Error::Forbidden("exceeded quota");
  });
  sim.Start(NewReplicaSetController(sim.world()));
  sim.api().Put(SetJson("web", 100));
  sim.Settle();
  EXPECT_LE(refused, 2);  // the status of the first refusal comes back as a change
  ReplicaSetPtr set = sim.Get<ReplicaSet>("web");
  ASSERT_EQ(set->status.conditions.size(), 1u);
  EXPECT_EQ(set->status.conditions[0].reason, "FailedCreate");
  sim.Advance(1s);
  EXPECT_LT(refused, 20);
  sim.api().SetFault(nullptr);
  sim.Advance(1min);
  sim.Converge();
  EXPECT_EQ(sim.ReadyPods(), 100);
  EXPECT_TRUE(sim.Get<ReplicaSet>("web")->status.conditions.empty());
}

// Each refusal names another pod: were each written into the status, each write would bring the next attempt at once.
TEST(ReplicaSetController, RefusalsThatDifferInTheirTextOnlyAreReportedOnce) {
  Sim sim;
  int refused = 0;
  sim.api().SetFault([&refused](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
    if (verb != "create" || ref.kind->kind != "Pod") return std::nullopt;
    return Error::Forbidden("pods \"web-{}\" is forbidden: exceeded quota", ++refused);
  });
  sim.Start(NewReplicaSetController(sim.world()));
  sim.api().Put(SetJson("web", 3));
  sim.Advance(1s);
  EXPECT_LT(refused, 20);
  EXPECT_EQ(sim.Get<ReplicaSet>("web")->status.conditions.at(0).message, "pods \"web-1\" is forbidden: exceeded quota");
}

TEST(ReplicaSetController, ANamespaceThatEndsIsNoFailure) {
  Sim sim;
  int refused = 0;
  sim.api().SetFault([&refused](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
    if (verb != "create" || ref.kind->kind != "Pod") return std::nullopt;
    return Error::Forbidden(
        "pods \"web-{}\" is forbidden: unable to create new content in namespace default because it is "
        "being terminated",
        ++refused);
  });
  sim.Start(NewReplicaSetController(sim.world()));
  sim.api().Put(SetJson("web", 100));
  sim.Advance(1min);
  EXPECT_LE(refused, 2);
  EXPECT_TRUE(sim.Get<ReplicaSet>("web")->status.conditions.empty());
}

TEST(ReplicaSetController, AvailabilityWaitsForMinReadySeconds) {
  Sim sim;
  sim.Start(NewReplicaSetController(sim.world()));
  sim.api().Put(SetJson("web", 2, R"("minReadySeconds":30,)"));
  sim.Converge();
  EXPECT_EQ(sim.Get<ReplicaSet>("web")->status.ready_replicas, 2);
  EXPECT_FALSE(sim.Get<ReplicaSet>("web")->status.available_replicas);
  sim.Advance(31s);
  EXPECT_EQ(sim.Get<ReplicaSet>("web")->status.available_replicas, 2);
}

TEST(ReplicaSetController, NeverCreatesTwiceWhileItsCacheLags) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Sim sim(seed);
    sim.Start(NewReplicaSetController(sim.world()));
    sim.api().Put(SetJson("web", 20));
    sim.Settle();
    // The watch breaks in the middle of creations; the next sync must still know what was asked for.
    sim.Patch<ReplicaSet>("web", R"({"spec":{"replicas":40}})");
    sim.api().DropWatches();
    sim.Advance(2min);
    EXPECT_EQ(sim.ActivePods().size(), 40u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sampan::controllers
