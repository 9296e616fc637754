// The store alone: durable writes by 32 writers, and reads from the watch cache.
#include <benchmark/benchmark.h>

#include "async/pool.h"
#include "async/spawn.h"
#include "store/cache.h"
#include "store/engine/embedded/test_store.h"
#include "store/keys.h"

namespace sampan::store {
namespace {

std::string ConfigMap(int number) {
  return fmt::format(
      R"({{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"c{0}","namespace":"default","uid":"{0}",)"
      R"("creationTimestamp":"2026-01-01T00:00:00Z"}},"data":{{"key":"{1}"}}}})",
      number, std::string(256, 'x'));
}

Task<void> PutMany(Store* store, std::atomic<int>* next, int count) {
  for (int i = 0; i < count; ++i) {
    const int number = (*next)++;
    Result<Revision> put = co_await store->Put(keys::ObjectKey("", "configmaps", "default", fmt::format("c{}", number)),
                                               ConfigMap(number), {Precondition::kMustNotExist});
    CHECK(put.has_value());
  }
}

struct Fixture {
  std::unique_ptr<Executor> executor = NewThreadPool("bench", 2);
  StoreUnderTest under_test = embedded::MakeTestStore();
  std::unique_ptr<Clock> clock = NewSystemClock();
  CacheSet caches{*under_test.store, *executor, *clock};
  std::shared_ptr<Cache> cache = caches.Open({.resource = "configmaps"});
  std::atomic<int> next{0};

  Fixture() { CHECK(SyncWait(*executor, cache->Ready()).has_value()); }
  ~Fixture() { SyncWait(*executor, caches.Stop()); }
  void Put(int writers, int each) {
    std::vector<Task<void>> tasks;
    for (int i = 0; i < writers; ++i) tasks.push_back(PutMany(under_test.store.get(), &next, each));
    SyncWait(*executor, WhenAll(std::move(tasks)));
  }
};

void DurablePut(benchmark::State& state) {
  Fixture fixture;
  constexpr int kEach = 500;
  const auto writers = static_cast<int>(state.range(0));
  for (auto _ : state) fixture.Put(writers, kEach);
  state.SetItemsProcessed(state.iterations() * writers * kEach);
}
BENCHMARK(DurablePut)->Arg(1)->Arg(32)->UseRealTime()->Unit(benchmark::kMillisecond);

void CacheGet(benchmark::State& state) {
  Fixture fixture;
  fixture.Put(32, 320);
  int number = 0;
  for (auto _ : state) {
    number = (number + 7919) % 10'000;
    api::ObjectPtr object = fixture.cache->Get("default", fmt::format("c{}", number));
    benchmark::DoNotOptimize(object->bytes().data());
  }
}
BENCHMARK(CacheGet);

void CacheList(benchmark::State& state) {
  Fixture fixture;
  fixture.Put(32, 320);
  size_t bytes = 0;
  for (auto _ : state) {
    for (const api::ObjectPtr& object : fixture.cache->List({.namespace_ = "default"}).items)
      bytes += object->bytes().size();
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(CacheList);

}  // namespace
}  // namespace sampan::store
