// How fast decisions are made, without any API: 5,000 nodes, small pods.
#include <benchmark/benchmark.h>

#include "scheduler/algorithm.h"
#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

void BM_ChooseNode(benchmark::State& state) {
  Cluster cluster;
  for (int64_t i = 0; i < state.range(0); ++i) {
    cluster.PutNode(testing::MakeNode(fmt::format("n{}", i),
                                      R"({"status":{"allocatable":{"cpu":"3200","memory":"64Ti","pods":"1000000"}}})"));
  }
  auto rng = NewSeededRng(1);
  PodInfo pod(testing::MakePod("p", R"({"cpu":"100m","memory":"64Mi"})"));
  size_t start = 0;
  for (auto _ : state) {
    Decision decision = ChooseNode(pod, cluster, start, *rng);
    start = decision.next_start;
    benchmark::DoNotOptimize(decision.node);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ChooseNode)->Arg(100)->Arg(1000)->Arg(5000);

}  // namespace
}  // namespace sampan::scheduler
