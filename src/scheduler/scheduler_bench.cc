// How fast decisions are made, without any API: small pods, that say nothing of others, have siblings, or demand to be
// spread.
#include <benchmark/benchmark.h>

#include "scheduler/algorithm.h"
#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

constexpr int kSiblings = 3000;

Cluster ManyNodes(int64_t count) {
  Cluster cluster;
  for (int64_t i = 0; i < count; ++i) {
    cluster.PutNode(testing::MakeNode(fmt::format("n{}", i), fmt::format(R"({{"metadata":{{"labels":{{"host":"n{}"}}}},
                                          "status":{{"allocatable":{{"cpu":"3200","memory":"64Ti","pods":"1000000"}}}}}})",
                                                                         i)));
  }
  return cluster;
}

PodPtr OneOfASet(const std::string& name, const std::string& spec) {
  json::Value pod = testing::MakePod(name, R"({"cpu":"100m","memory":"64Mi"})", spec).object()->Parse();
  json::Object& metadata = pod.at("metadata").as_object();
  metadata["labels"] = json::Object{{"app", "web"}};
  metadata["ownerReferences"] = json::Array{
      json::Object{{"apiVersion", "apps/v1"}, {"kind", "ReplicaSet"}, {"name", "s"}, {"uid", "s"}, {"controller", true}}};
  return PodPtr(*api::Object::FromValue(std::move(pod), 1));
}

void Choose(benchmark::State& state, const Cluster& cluster, const PodInfo& pod) {
  auto rng = NewSeededRng(1);
  size_t start = 0;
  for (auto _ : state) {
    Decision decision = ChooseNode(pod, cluster, start, *rng);
    start = decision.next_start;
    benchmark::DoNotOptimize(decision.node);
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_ChooseNode(benchmark::State& state) {
  Cluster cluster = ManyNodes(state.range(0));
  Choose(state, cluster, PodInfo(testing::MakePod("p", R"({"cpu":"100m","memory":"64Mi"})")));
}
BENCHMARK(BM_ChooseNode)->Arg(100)->Arg(1000)->Arg(5000);

void BesideSiblings(benchmark::State& state, const std::string& spec) {
  Cluster cluster = ManyNodes(state.range(0));
  for (int i = 0; i < kSiblings; ++i) {
    cluster.PutPod(PodInfo(OneOfASet(fmt::format("p{}", i), spec)), fmt::format("n{}", i % state.range(0)));
  }
  Choose(state, cluster, PodInfo(OneOfASet("p", spec)));
}

void BM_ChooseNodeBesideSiblings(benchmark::State& state) {
  BesideSiblings(state, "{}");
}
BENCHMARK(BM_ChooseNodeBesideSiblings)->Arg(5000);

void BM_ChooseNodeToSpread(benchmark::State& state) {
  BesideSiblings(state,
                 R"({"topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"host","whenUnsatisfiable":"DoNotSchedule",
      "labelSelector":{"matchLabels":{"app":"web"}}}]})");
}
BENCHMARK(BM_ChooseNodeToSpread)->Arg(5000);

}  // namespace
}  // namespace sampan::scheduler
