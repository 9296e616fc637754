#include "scheduler/algorithm.h"

#include <gtest/gtest.h>

#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

using testing::MakeNode;
using testing::MakePod;

struct Row {
  const char* what;
  const char* node;      // JSON over the plain node
  const char* requests;  // of the pod
  const char* spec;      // of the pod
  const char* verdict;   // "" when it fits, else the explanation
};

class Fitting : public ::testing::TestWithParam<Row> {};

TEST_P(Fitting, ChoosesOrExplains) {
  const Row& row = GetParam();
  Cluster cluster;
  cluster.PutNode(MakeNode("a", row.node));
  auto rng = NewSeededRng(1);
  PodInfo pod(MakePod("p", row.requests, row.spec));
  Decision decision = ChooseNode(pod, cluster, 0, *rng);
  EXPECT_EQ(decision.node != nullptr, std::string(row.verdict).empty()) << row.what;
  if (decision.node == nullptr) {
    EXPECT_EQ(Diagnose(pod, cluster).message, row.verdict) << row.what;
  }
}

constexpr char kTainted[] = R"({"spec":{"taints":[{"key":"gpu","value":"yes","effect":"NoSchedule"}]}})";
constexpr char kZone[] = R"({"metadata":{"labels":{"zone":"b","cores":"8"}}})";

INSTANTIATE_TEST_SUITE_P(
    Rows, Fitting,
    ::testing::Values(
        Row{"an empty pod fits an empty node", "{}", "{}", "{}", ""},
        Row{"exactly what is there", "{}", R"({"cpu":"4","memory":"8Gi"})", "{}", ""},
        Row{"too much CPU", "{}", R"({"cpu":"4001m"})", "{}", "0/1 nodes are available: 1 Insufficient cpu."},
        Row{"too much of both", "{}", R"({"cpu":"5","memory":"9Gi"})", "{}",
            "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory."},
        Row{"a device that is not there", "{}", R"({"example.com/gpu":"1"})", "{}",
            "0/1 nodes are available: 1 Insufficient example.com/gpu."},
        Row{"no room for pods", R"({"status":{"allocatable":{"cpu":"4","memory":"8Gi","pods":"0"}}})", "{}", "{}",
            "0/1 nodes are available: 1 Too many pods."},
        Row{"an init container counts as the most, not as a sum", "{}", "{}",
            R"({"containers":[{"name":"c","resources":{"requests":{"cpu":"3"}}}],
                "initContainers":[{"name":"i","resources":{"requests":{"cpu":"4"}}}]})",
            ""},
        Row{"a sidecar adds to the containers", "{}", "{}",
            R"({"containers":[{"name":"c","resources":{"requests":{"cpu":"3"}}}],
                "initContainers":[{"name":"i","restartPolicy":"Always","resources":{"requests":{"cpu":"2"}}}]})",
            "0/1 nodes are available: 1 Insufficient cpu."},
        Row{"a cordoned node", R"({"spec":{"unschedulable":true}})", "{}", "{}",
            "0/1 nodes are available: 1 node(s) were unschedulable."},
        Row{"a tolerated cordon", R"({"spec":{"unschedulable":true}})", "{}",
            R"({"tolerations":[{"key":"node.kubernetes.io/unschedulable","operator":"Exists"}]})", ""},
        Row{"an untolerated taint", kTainted, "{}", "{}",
            "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}."},
        Row{"a toleration by value", kTainted, "{}",
            R"({"tolerations":[{"key":"gpu","operator":"Equal","value":"yes","effect":"NoSchedule"}]})", ""},
        Row{"a toleration of another value", kTainted, "{}", R"({"tolerations":[{"key":"gpu","value":"no"}]})",
            "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}."},
        Row{"tolerates everything", kTainted, "{}", R"({"tolerations":[{"operator":"Exists"}]})", ""},
        Row{"PreferNoSchedule does not forbid", R"({"spec":{"taints":[{"key":"x","effect":"PreferNoSchedule"}]}})", "{}",
            "{}", ""},
        Row{"a selector that matches", kZone, "{}", R"({"nodeSelector":{"zone":"b"}})", ""},
        Row{"a selector that does not", kZone, "{}", R"({"nodeSelector":{"zone":"a"}})",
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."},
        Row{"affinity In, Gt and Exists", kZone, "{}",
            R"({"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[
                {"matchExpressions":[{"key":"zone","operator":"In","values":["a","b"]},
                                     {"key":"cores","operator":"Gt","values":["4"]},
                                     {"key":"disk","operator":"DoesNotExist"}]}]}}}})",
            ""},
        Row{"terms are alternatives", kZone, "{}",
            R"({"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[
                {"matchExpressions":[{"key":"zone","operator":"NotIn","values":["b"]}]},
                {"matchFields":[{"key":"metadata.name","operator":"In","values":["a"]}]}]}}}})",
            ""},
        Row{"an empty term matches nothing", kZone, "{}",
            R"({"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{}]}}}})",
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."}));

TEST(ChooseNode, NoNodes) {
  auto rng = NewSeededRng(1);
  PodInfo pod(MakePod("p"));
  EXPECT_EQ(ChooseNode(pod, {}, 0, *rng).node, nullptr);
  EXPECT_EQ(Diagnose(pod, {}).message, "no nodes available to schedule pods");
}

TEST(ChooseNode, CountsNodesByReason) {
  Cluster cluster;
  cluster.PutNode(MakeNode("a"));
  cluster.PutNode(MakeNode("b", kTainted));
  cluster.PutNode(MakeNode("c"));
  PodInfo pod(MakePod("p", R"({"cpu":"5"})", R"({"nodeSelector":{}})"));
  EXPECT_EQ(Diagnose(pod, cluster).message,
            "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: yes}, 2 Insufficient cpu.");
}

TEST(ChooseNode, PrefersTheEmptierNodeAndSpreads) {
  Cluster cluster;
  for (const char* name : {"a", "b", "c", "d"}) cluster.PutNode(MakeNode(name));
  auto rng = NewSeededRng(7);
  std::map<std::string, int> placed;
  size_t start = 0;
  for (int i = 0; i < 40; ++i) {
    PodInfo pod(MakePod(fmt::format("p{}", i)));
    Decision decision = ChooseNode(pod, cluster, start, *rng);
    start = decision.next_start;
    ++placed[decision.node->name];
    cluster.PutPod(pod, decision.node->name);
  }
  for (const auto& [node, count] : placed) EXPECT_EQ(count, 10) << node << ": pods without requests spread evenly";
}

TEST(ChooseNode, PrefersByAffinityAndAvoidsPreferNoSchedule) {
  Cluster cluster;
  cluster.PutNode(MakeNode("a", R"({"spec":{"taints":[{"key":"x","effect":"PreferNoSchedule"}]}})"));
  cluster.PutNode(MakeNode("b"));
  cluster.PutNode(MakeNode("c", kZone));
  auto rng = NewSeededRng(3);
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(ChooseNode(PodInfo(MakePod("p")), cluster, 0, *rng).node->name, "a");
    PodInfo picky(MakePod("p", "{}",
                          R"({"affinity":{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[
                              {"weight":10,"preference":{"matchExpressions":[{"key":"zone","operator":"Exists"}]}}]}}})"));
    EXPECT_EQ(ChooseNode(picky, cluster, 0, *rng).node->name, "c");
  }
}

TEST(ChooseNode, HostPortsCollideByAddressAndProtocol) {
  auto with_port = [](const std::string& name, const std::string& port) {
    return PodInfo(MakePod(name, "{}", R"({"containers":[{"name":"c","ports":[)" + port + "]}]}"));
  };
  Cluster cluster;
  cluster.PutNode(MakeNode("a"));
  cluster.PutPod(with_port("x", R"({"containerPort":80,"hostPort":80,"hostIP":"10.0.0.1"})"), "a");
  auto rng = NewSeededRng(1);
  PodInfo everywhere = with_port("y", R"({"containerPort":80,"hostPort":80})");
  EXPECT_EQ(ChooseNode(everywhere, cluster, 0, *rng).node, nullptr);
  EXPECT_EQ(Diagnose(everywhere, cluster).message,
            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.");
  EXPECT_NE(ChooseNode(with_port("y", R"({"containerPort":80,"hostPort":80,"protocol":"UDP"})"), cluster, 0, *rng).node,
            nullptr);
  EXPECT_NE(ChooseNode(with_port("y", R"({"containerPort":80,"hostPort":80,"hostIP":"10.0.0.2"})"), cluster, 0, *rng).node,
            nullptr);
  cluster.RemovePod("uid-x");
  EXPECT_NE(ChooseNode(everywhere, cluster, 0, *rng).node, nullptr);
}

TEST(Cluster, CountsAPodOnceAndSurvivesANodeThatComesBack) {
  Cluster cluster;
  PodInfo pod(MakePod("p", R"({"cpu":"1"})"));
  cluster.PutPod(pod, "a");
  EXPECT_EQ(cluster.size(), 0u) << "a node that only pods name takes no pods";
  cluster.PutNode(MakeNode("a"));
  cluster.PutPod(pod, "a");
  EXPECT_EQ(cluster.at(0).requested.milli_cpu, 1000);
  cluster.RemoveNode("a");
  EXPECT_EQ(cluster.size(), 0u);
  EXPECT_TRUE(cluster.PutNode(MakeNode("a")));
  EXPECT_EQ(cluster.at(0).requested.milli_cpu, 1000);
  EXPECT_FALSE(cluster.PutNode(MakeNode("a"))) << "a heartbeat lets nothing new fit";
  EXPECT_TRUE(cluster.RemovePod("uid-p"));
  EXPECT_FALSE(cluster.RemovePod("uid-p"));
  EXPECT_EQ(cluster.at(0).requested.milli_cpu, 0);
}

TEST(Resources, AmountsThatOverflowFitNowhereAndLeaveNoTrace) {
  constexpr char kHuge[] = R"({"memory":"9223372036854775807","cpu":"9223372036854775807","x.io/y":"9223372036854775807"})";
  Cluster cluster;
  cluster.PutNode(MakeNode("a"));
  auto rng = NewSeededRng(1);
  PodInfo huge(MakePod("huge", kHuge, R"({"overhead":{"memory":"9223372036854775807","cpu":"9223372036854775807"}})"));
  EXPECT_EQ(ChooseNode(huge, cluster, 0, *rng).node, nullptr);
  // Users may name the node themselves, as often as they like.
  for (int i = 0; i < 100; ++i) cluster.PutPod(PodInfo(MakePod(fmt::format("p{}", i), kHuge)), "a");
  PodInfo small(MakePod("small", R"({"cpu":"1"})"));
  EXPECT_EQ(ChooseNode(small, cluster, 0, *rng).node, nullptr);
  for (int i = 0; i < 100; ++i) cluster.RemovePod(fmt::format("uid-p{}", i));
  EXPECT_NE(ChooseNode(small, cluster, 0, *rng).node, nullptr);
}

std::string ManyTerms(int count) {
  std::string terms;
  for (int i = 0; i < count; ++i) {
    terms += fmt::format(R"({}{{"topologyKey":"kubernetes.io/hostname","labelSelector":{{"matchLabels":{{"a":"{}"}}}}}})",
                         i == 0 ? "" : ",", i);
  }
  return fmt::format(R"({{"affinity":{{"podAntiAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":[{}]}}}}}})",
                     terms);
}

TEST(RefusalOf, IsForMoreTermsThanAnybodyWrites) {
  Cluster cluster;
  for (int i = 0; i < 1000; ++i) cluster.PutPod(PodInfo(MakePod(fmt::format("p{}", i))), "a");
  struct Row {
    int terms;
    const char* refusal;
  };
  const Row rows[] = {{1, ""},
                      {64, ""},
                      {2500, ""},
                      {2501, "2501 affinity terms and topology spread constraints are too many for a cluster of 1000 pods"}};
  for (const Row& row : rows) {
    EXPECT_EQ(RefusalOf(PodInfo(MakePod("p", "{}", ManyTerms(row.terms))), cluster), row.refusal) << row.terms;
  }
}

}  // namespace
}  // namespace sampan::scheduler
