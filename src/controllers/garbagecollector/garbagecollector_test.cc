#include "controllers/garbagecollector/garbagecollector.h"

#include <gtest/gtest.h>

#include "controllers/garbagecollector/plan.h"
#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using namespace std::chrono_literals;
using api::apps::ReplicaSet;
using api::core::ConfigMap;
using garbagecollector::Action;
using garbagecollector::ObjectFacts;
using garbagecollector::OwnerState;
using testing::Sim;

TEST(GarbageCollectorPlan, Actions) {
  constexpr OwnerState kSolid = OwnerState::kSolid, kAbsent = OwnerState::kAbsent, kWaiting = OwnerState::kWaiting;
  struct Row {
    const char* name;
    ObjectFacts facts;
    Action want;
  };
  const Row rows[] = {
      {"without owners", {}, Action::kKeep},
      {"owner lives", {.owners = {kSolid}}, Action::kKeep},
      {"owner gone", {.owners = {kAbsent}}, Action::kDeleteBackground},
      {"one of two gone", {.owners = {kAbsent, kSolid}}, Action::kDropOwners},
      {"one waits, one lives", {.owners = {kWaiting, kSolid}}, Action::kDropOwners},
      {"both gone", {.owners = {kAbsent, kAbsent}}, Action::kDeleteBackground},
      {"owner waits", {.owners = {kWaiting}}, Action::kDeleteBackground},
      {"owner waits and there are dependents", {.owners = {kWaiting}, .has_dependents = true}, Action::kDeleteForeground},
      {"its own wish for its dependents", {.has_orphan = true, .owners = {kAbsent}}, Action::kDeleteOrphan},
      {"being deleted already", {.deleting = true, .owners = {kAbsent}}, Action::kKeep},
      {"foreground", {.deleting = true, .has_foreground = true}, Action::kAwaitDependents},
      {"orphan", {.deleting = true, .has_orphan = true}, Action::kReleaseDependents},
  };
  for (const Row& row : rows) EXPECT_EQ(garbagecollector::PlanObject(row.facts), row.want) << row.name;
}

struct GcSim : Sim {
  GcSim() { Start(NewGarbageCollector(world())); }

  // A ConfigMap that depends on others by "name" or, blocking their deletion, "!name".
  void Add(const std::string& name, const std::vector<std::string>& owners = {}, std::string_view uid = "") {
    json::Array refs;
    for (std::string_view owner : owners) {
      bool blocks = owner.starts_with('!');
      if (blocks) owner.remove_prefix(1);
      auto held = Get<ConfigMap>(std::string(owner));
      refs.push_back(json::Object{{"apiVersion", "v1"},
                                  {"kind", "ConfigMap"},
                                  {"name", owner},
                                  {"uid", held && uid.empty() ? held.uid() : std::string(uid)},
                                  {"blockOwnerDeletion", blocks}});
    }
    api().PutValue(json::Object{{"apiVersion", "v1"},
                                {"kind", "ConfigMap"},
                                {"metadata", {{"name", name}, {"namespace", "default"}, {"ownerReferences", refs}}}});
    Settle();
  }
  std::string Names() const {
    std::string names;
    for (const auto& map : All<ConfigMap>()) names += map.name();
    return names;
  }
  size_t OwnersOf(const std::string& name) const { return Get<ConfigMap>(name).head().owners.size(); }
};

TEST(GarbageCollector, BackgroundTakesTheWholeTree) {
  GcSim sim;
  sim.Add("a");
  sim.Add("b", {"a"});
  sim.Add("c", {"b"});
  sim.Add("d", {"a", "x"}, "");
  sim.Add("e");
  EXPECT_EQ(sim.Names(), "abcde");
  sim.Delete<ConfigMap>("a");
  sim.Advance(1s);
  EXPECT_EQ(sim.Names(), "e");
}

TEST(GarbageCollector, SecondOwnerKeepsADependent) {
  GcSim sim;
  sim.Add("a");
  sim.Add("b");
  sim.Add("c", {"a", "b"});
  sim.Delete<ConfigMap>("a");
  sim.Advance(1s);
  EXPECT_EQ(sim.Names(), "bc");
  EXPECT_EQ(sim.OwnersOf("c"), 1u);
  sim.Delete<ConfigMap>("b");
  sim.Advance(1s);
  EXPECT_EQ(sim.Names(), "");
}

TEST(GarbageCollector, OwnerThatNeverWasOrWasReplaced) {
  GcSim sim;
  sim.Add("a");
  sim.Add("b", {"a"}, "uid-of-another-a");
  sim.Add("c", {"never"}, "no-such-uid");
  sim.Advance(1s);
  EXPECT_EQ(sim.Names(), "a");
}

TEST(GarbageCollector, ForegroundWaitsForBlockingDependents) {
  GcSim sim;
  sim.Add("a");
  sim.Add("b", {"!a"});
  sim.Add("c", {"!b"});
  // The leaf is held for a while by something else.
  sim.Patch<ConfigMap>("c", R"({"metadata":{"finalizers":["example.com/hold"]}})");
  sim.Delete<ConfigMap>("a", {.propagation_policy = "Foreground"});
  sim.Advance(1s);
  EXPECT_EQ(sim.Names(), "abc");
  EXPECT_TRUE(sim.Get<ConfigMap>("b").object()->deleting());
  EXPECT_TRUE(sim.Get<ConfigMap>("c").object()->deleting());
  sim.Patch<ConfigMap>("c", R"({"metadata":{"finalizers":null}})");
  sim.Advance(1s);
  EXPECT_EQ(sim.Names(), "");
}

TEST(GarbageCollector, ForegroundDoesNotWaitForOthers) {
  GcSim sim;
  sim.Add("a");
  sim.Add("b", {"a"});
  sim.Patch<ConfigMap>("b", R"({"metadata":{"finalizers":["example.com/hold"]}})");
  sim.Delete<ConfigMap>("a", {.propagation_policy = "Foreground"});
  sim.Advance(1s);
  EXPECT_EQ(sim.Names(), "b");
  EXPECT_TRUE(sim.Get<ConfigMap>("b").object()->deleting());
}

TEST(GarbageCollector, OrphanLeavesDependentsAlone) {
  GcSim sim;
  sim.Add("a");
  sim.Add("b", {"!a"});
  sim.Add("c", {"a"});
  sim.Delete<ConfigMap>("a", {.propagation_policy = "Orphan"});
  sim.Advance(1s);
  EXPECT_EQ(sim.Names(), "bc");
  EXPECT_EQ(sim.OwnersOf("b"), 0u);
  EXPECT_EQ(sim.OwnersOf("c"), 0u);
}

TEST(GarbageCollector, KindsThatAreNotServedKeepTheirDependents) {
  GcSim sim;
  sim.api().Put(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"default","ownerReferences":[
      {"apiVersion":"example.com/v1","kind":"Thing","name":"x","uid":"u"}]}})");
  sim.Advance(1min);
  EXPECT_EQ(sim.Names(), "a");
}

TEST(GarbageCollector, SurvivesLostWatchesAndFailingRequests) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    GcSim sim;
    sim.Add("root");
    for (int i = 0; i < 30; ++i) sim.Add(fmt::format("n{}", i), {i < 5 ? "root" : fmt::format("n{}", i / 5)});
    auto rng = std::shared_ptr<Rng>(NewSeededRng(seed));
    sim.api().SetFault([rng](std::string_view, const client::Ref&) -> std::optional<Error> {
      if (rng->Below(3) == 0) return Error::ServiceUnavailable("fault");
      return std::nullopt;
    });
    sim.api().Remove(client::RefOf<ConfigMap>("default", "root"));
    sim.api().DropWatches();
    sim.Advance(10min);
    sim.api().SetFault(nullptr);
    sim.Advance(20min);
    EXPECT_EQ(sim.Names(), "") << "seed " << seed;
  }
}

TEST(GarbageCollector, TellsOfOwnersInOtherNamespaces) {
  GcSim sim;
  sim.api().Put(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"owner","namespace":"other","uid":"u1"}})");
  std::string uid = client::TypedPtr<ConfigMap>(sim.Get<ConfigMap>("owner", "other")).uid();
  sim.api().Put(fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"child","namespace":"default",
      "ownerReferences":[{{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":"{}"}}]}}}})",
                            uid));
  sim.api().Put(fmt::format(R"({{"apiVersion":"v1","kind":"Node","metadata":{{"name":"n",
      "ownerReferences":[{{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":"{}"}}]}}}})",
                            uid));
  sim.Settle();
  EXPECT_FALSE(sim.Get<ConfigMap>("child")) << "an owner elsewhere is no owner";
  EXPECT_TRUE(sim.Get<api::core::Node>("n")) << "what has no namespace is never collected for one that has";
  std::vector<std::string> events = sim.Events();
  std::ranges::sort(events);
  EXPECT_EQ(events,
            (std::vector<std::string>{
                fmt::format("OwnerRefInvalidNamespace: ownerRef [v1/ConfigMap, namespace: , name: owner, uid: {}] "
                            "does not exist in namespace \"\"",
                            uid),
                fmt::format("OwnerRefInvalidNamespace: ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: "
                            "{}] does not exist in namespace \"default\"",
                            uid)}));
}

}  // namespace
}  // namespace sampan::controllers
