#include <benchmark/benchmark.h>

#include "api/apply/managed_fields.h"

namespace {

void BM_TrackCreateConfigMap(benchmark::State& state) {
  using namespace sampan;
  const api::KindInfo& kind = *api::FindKind("v1", "ConfigMap");
  const json::Value object =
      boost::json::parse(R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"n",
      "labels":{"app":"x"}},"data":{"a":"1","b":"2","c":"3"}})");
  api::FieldManager manager{.name = "bench", .subresource = {}, .now = {}};
  for (auto _ : state) {
    boost::json::monotonic_resource memory;
    json::Value copy(object, &memory);
    api::TrackCreate(kind, manager, copy);
    benchmark::DoNotOptimize(copy);
  }
}
BENCHMARK(BM_TrackCreateConfigMap);

}  // namespace
