// Informers and queues under real threads; meaningful under the thread sanitizer above all.
#include <gtest/gtest.h>

#include "api/types/core.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "base/guarded.h"
#include "client/fake.h"
#include "client/informer.h"
#include "client/typed.h"
#include "client/work_queue.h"

namespace sampan::client {
namespace {

using api::core::ConfigMap;

// A subscriber whose state belongs to its strand: it follows the objects it is told of.
struct Follower {
  explicit Follower(Executor& pool) : strand(NewStrand(pool)) {}
  std::unique_ptr<Executor> strand;
  std::map<std::string, api::Revision> known;
  int faults = 0;
  Subscription subscription;

  ObjectHandlers Handlers() {
    return {.added = [this](const ObjectPtr& o) { faults += known.emplace(o->name(), o->revision()).second ? 0 : 1; },
            .updated =
                [this](const ObjectPtr& before, const ObjectPtr& after) {
                  auto found = known.find(after->name());
                  if (found == known.end() || found->second != before->revision()) ++faults;
                  known[after->name()] = after->revision();
                },
            .deleted = [this](const ObjectPtr& last) { faults += known.erase(last->name()) == 1 ? 0 : 1; }};
  }
};

Task<int> Write(FakeClient* api, int id, int rounds) {
  int done = 0;
  for (int i = 0; i < rounds; ++i) {
    std::string name = fmt::format("m{}-{}", id, i % 7);
    ConfigMap map;
    map.metadata.name = name;
    map.metadata.namespace_ = "default";
    auto created = co_await Create(*api, map);
    if (created) ++done;
    auto patched = co_await MergePatch<ConfigMap>(*api, "default", name,
                                                  json::Object{{"data", json::Object{{"i", std::to_string(i)}}}});
    if (patched) ++done;
    if (i % 3 == 0) {
      auto gone = co_await Delete<ConfigMap>(*api, "default", name);
      if (gone) ++done;
    }
  }
  co_return done;
}

Task<bool> WaitFor(InformerFactory* factory, CancelToken stop) {
  Informer<ConfigMap> maps = factory->For<ConfigMap>();
  bool synced = co_await maps->WaitSynced(stop);
  co_return synced;
}

Task<std::pair<int, size_t>> Ask(Follower* follower) {
  co_return std::pair(follower->faults, follower->known.size());
}

Task<bool> Drop(Follower* follower) {
  follower->subscription = {};
  co_return true;
}

// Until the informer has seen everything that is stored.
Task<void> CatchUp(FakeClient* api, Informer<ConfigMap> maps, Clock* clock) {
  while (true) {
    api::Revision newest = 0, seen = 0;
    for (const ObjectPtr& object : api->All(api::KindOf<ConfigMap>())) newest = std::max(newest, object->revision());
    for (const ObjectPtr& object : maps->cache().List()) seen = std::max(seen, object->revision());
    if (newest == seen && maps->cache().size() == api->All(api::KindOf<ConfigMap>()).size()) co_return;
    co_await clock->Sleep(std::chrono::milliseconds(1));
  }
}

TEST(InformerThreads, SubscribersSeeAConsistentHistory) {
  auto clock = NewSystemClock();
  auto rng = NewSeededRng(3);
  auto pool = NewThreadPool("test", 4);
  FakeClient api(*clock, *rng);
  InformerFactory factory(api, *pool, *clock, *rng);
  Informer<ConfigMap> maps = factory.For<ConfigMap>();
  std::vector<std::unique_ptr<Follower>> followers;
  for (int i = 0; i < 3; ++i) followers.push_back(std::make_unique<Follower>(*pool));
  for (size_t i = 0; i < 2; ++i) {
    followers[i]->subscription = maps->Subscribe(*followers[i]->strand, followers[i]->Handlers());
  }
  EXPECT_TRUE(SyncWait(*pool, WaitFor(&factory, {})));

  std::vector<Task<int>> writers;
  for (int id = 0; id < 4; ++id) writers.push_back(RunOn(*pool, Write(&api, id, 60)));
  std::thread late([&] { followers[2]->subscription = maps->Subscribe(*followers[2]->strand, followers[2]->Handlers()); });
  for (int done : SyncWait(*pool, WhenAll(std::move(writers)))) EXPECT_GT(done, 0);
  late.join();
  SyncWait(*pool, CatchUp(&api, maps, clock.get()));
  for (auto& follower : followers) {
    auto [faults, known] = SyncWait(*follower->strand, Ask(follower.get()));
    EXPECT_EQ(faults, 0);
    EXPECT_EQ(known, maps->cache().size());
    SyncWait(*follower->strand, Drop(follower.get()));
  }
  SyncWait(*pool, factory.Stop());
}

Task<int> Consume(WorkQueue* queue, Guarded<std::map<std::string, int>>* active) {
  int handled = 0;
  while (true) {
    std::optional<std::string> key = co_await queue->Next();
    if (!key) co_return handled;
    CHECK(++(*active->Lock())[*key] == 1);  // never two workers on one key
    co_await Yield();
    --(*active->Lock())[*key];
    ++handled;
    queue->Done(*key);
  }
}

Task<int> Produce(WorkQueue* queue, int seed) {
  for (int i = 0; i < 500; ++i) {
    queue->Add(fmt::format("k{}", (i * seed) % 11));
    if (i % 10 == 0) queue->AddAfter(fmt::format("k{}", i % 11), std::chrono::microseconds(50));
    co_await Yield();
  }
  co_return 0;
}

Task<void> UntilIdle(WorkQueue* queue, Clock* clock) {
  while (!queue->idle()) co_await clock->Sleep(std::chrono::milliseconds(1));
}

TEST(WorkQueueThreads, OneWorkerAKey) {
  auto clock = NewSystemClock();
  auto pool = NewThreadPool("test", 4);
  WorkQueue queue(*clock);
  Guarded<std::map<std::string, int>> active;
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 4; ++i) tasks.push_back(RunOn(*pool, Consume(&queue, &active)));
  auto consumers = std::thread([&] {
    int handled = 0;
    for (int one : SyncWait(*pool, WhenAll(std::move(tasks)))) handled += one;
    EXPECT_GT(handled, 10);
  });
  std::vector<Task<int>> producers;
  for (int i = 1; i <= 3; ++i) producers.push_back(RunOn(*pool, Produce(&queue, i)));
  SyncWait(*pool, WhenAll(std::move(producers)));
  SyncWait(*pool, UntilIdle(&queue, clock.get()));
  queue.Close();
  consumers.join();
}

}  // namespace
}  // namespace sampan::client
