#include "scheduler/preemption.h"

#include <gtest/gtest.h>

#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

using testing::MakeNode;
using testing::MakePod;

PodInfo Pod(const std::string& name, const std::string& cpu, int priority, const std::string& more = "") {
  return PodInfo(
      MakePod(name, fmt::format(R"({{"cpu":"{}"}})", cpu), fmt::format(R"({{"priority":{}{}}})", priority, more)));
}

struct Placed {
  const char* name;
  const char* node;
  const char* cpu;
  int priority;
};

struct Row {
  const char* what;
  std::vector<Placed> placed;
  int priority;
  const char* more;     // of the pod's spec; it asks for 3 CPUs
  const char* outcome;  // "node: victim victim", or the message
};

class Preempting : public ::testing::TestWithParam<Row> {};

TEST_P(Preempting, ChoosesVictims) {
  const Row& row = GetParam();
  Cluster cluster;
  for (const char* name : {"a", "b"}) cluster.PutNode(MakeNode(name));
  for (const Placed& placed : row.placed) cluster.PutPod(Pod(placed.name, placed.cpu, placed.priority), placed.node);
  PodInfo pod = Pod("new", "3", row.priority, row.more);
  Preemption preemption = PlanPreemption(pod, cluster, Diagnose(pod, cluster));
  std::string outcome = preemption.message;
  if (preemption.node != nullptr) {
    std::vector<std::string> names;
    for (const PlacedPod* victim : preemption.victims) names.push_back(victim->pod.name());
    std::ranges::sort(names);
    outcome = fmt::format("{}: {}", preemption.node->name, fmt::join(names, " "));
  }
  EXPECT_EQ(outcome, row.outcome) << row.what;
}

constexpr char kNone[] = "preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.";

INSTANTIATE_TEST_SUITE_P(
    Rows, Preempting,
    ::testing::Values(
        Row{"equals stay", {{"x", "a", "2", 0}, {"y", "b", "2", 0}}, 0, "", kNone},
        Row{"the least important goes", {{"x", "a", "2", 5}, {"y", "b", "2", 1}}, 10, "", "b: y"},
        Row{"only as many as it takes",
            {{"w", "a", "1", 1}, {"x", "a", "1", 2}, {"y", "a", "1", 3}, {"z", "b", "2", 10}},
            10,
            "",
            "a: w x"},
        Row{"a large one may leave so that small ones stay",
            {{"x", "a", "500m", 1}, {"y", "a", "3", 1}, {"z", "b", "4", 10}},
            10,
            "",
            "a: y"},
        Row{"fewer are better", {{"w", "a", "1500m", 1}, {"x", "a", "1500m", 1}, {"y", "b", "3", 1}}, 10, "", "b: y"},
        Row{"the sum of priorities counts before their number",
            {{"w", "a", "2", 3}, {"x", "a", "1", 3}, {"y", "b", "3", 4}},
            10,
            "",
            "a: w"},
        Row{"it may be forbidden",
            {{"x", "a", "2", 0}, {"y", "b", "2", 0}},
            10,
            R"(,"preemptionPolicy":"Never")",
            "preemption: not eligible due to preemptionPolicy=Never."},
        Row{"no room helps where its selector does not lead",
            {{"x", "a", "2", 0}, {"y", "b", "2", 10}},
            10,
            R"(,"nodeSelector":{"kubernetes.io/hostname":"z"})",
            "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."}));

TEST(Preemption, VictimsThatRepelThePodGo) {
  Cluster cluster;
  cluster.PutNode(MakeNode("a", R"({"metadata":{"labels":{"host":"a"}}})"));
  const char* anti = R"(,"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[
      {"labelSelector":{},"topologyKey":"host"}]}})";
  cluster.PutPod(Pod("hermit", "1", 1, anti), "a");
  PodInfo pod = Pod("new", "1", 2);
  Diagnosis diagnosis = Diagnose(pod, cluster);
  EXPECT_EQ(diagnosis.message, "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.");
  Preemption preemption = PlanPreemption(pod, cluster, diagnosis);
  ASSERT_NE(preemption.node, nullptr);
  ASSERT_EQ(preemption.victims.size(), 1u);
  EXPECT_EQ(preemption.victims[0]->pod.name(), "hermit");
}

TEST(Preemption, ThePlaceIsKeptForThePodThatMadeIt) {
  Cluster cluster;
  cluster.PutNode(MakeNode("a"));
  auto important = std::make_shared<const PodInfo>(Pod("new", "3", 10));
  cluster.Nominate(important, "a");
  auto rng = NewSeededRng(1);
  EXPECT_EQ(ChooseNode(Pod("little", "2", 0), cluster, 0, *rng).node, nullptr);
  EXPECT_EQ(Diagnose(Pod("little", "2", 0), cluster).message, "0/1 nodes are available: 1 Insufficient cpu.");
  EXPECT_NE(ChooseNode(Pod("grander", "2", 11), cluster, 0, *rng).node, nullptr);
  EXPECT_NE(ChooseNode(*important, cluster, 0, *rng).node, nullptr);
  cluster.Unnominate("uid-new");
  EXPECT_NE(ChooseNode(Pod("little", "2", 0), cluster, 0, *rng).node, nullptr);
}

}  // namespace
}  // namespace sampan::scheduler
