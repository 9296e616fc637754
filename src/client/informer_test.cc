#include "client/informer.h"

#include <gtest/gtest.h>

#include "api/types/core.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "client/events.h"
#include "client/fake.h"
#include "client/leader_election.h"
#include "client/typed.h"

namespace sampan::client {
namespace {

using namespace std::chrono_literals;
using api::core::ConfigMap;

using Lines = std::vector<std::string>;

struct Harness {
  ManualClock clock;
  ManualExecutor executor;
  std::unique_ptr<Rng> rng = NewSeededRng(7);
  FakeClient api{clock, *rng};
  InformerFactory factory{api, executor, clock, *rng};
  Gate gate;
  CancelSource stop;
  Lines seen;

  ObjectHandlers Record() {
    return {.added = [this](const ObjectPtr& object) { seen.push_back("+" + object->name()); },
            .updated = [this](const ObjectPtr&, const ObjectPtr& after) { seen.push_back("~" + after->name()); },
            .deleted = [this](const ObjectPtr& last) { seen.push_back("-" + last->name()); }};
  }
  void PutMap(const std::string& name, const std::string& value, const std::string& app = "web") {
    api.Put(fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}","namespace":"default",
      "labels":{{"app":"{}"}}}},"data":{{"k":"{}"}}}})",
                        name, app, value));
  }
  void RemoveMap(const std::string& name) { api.Remove(RefOf<ConfigMap>("default", name)); }
  Lines Settle() {
    executor.RunAll();
    std::ranges::sort(seen);
    return std::exchange(seen, {});
  }
  void Advance(Duration total) {
    while (total > 0s) {
      Duration step = std::min(total, clock.UntilNext().value_or(total));
      clock.Advance(step);
      executor.RunAll();
      total -= step;
    }
  }
  ~Harness() {
    stop.Cancel();
    Spawn(executor, gate, factory.Stop());
    executor.RunAll();
  }
};

TEST(Informer, TellsWhatIsThereThenEveryChange) {
  Harness h;
  h.PutMap("a", "1");
  h.PutMap("b", "1");
  Informer<ConfigMap> maps = h.factory.For<ConfigMap>();
  Subscription subscription = maps->Subscribe(h.executor, h.Record());
  EXPECT_FALSE(maps->synced());
  EXPECT_EQ(h.Settle(), (Lines{"+a", "+b"}));
  EXPECT_TRUE(maps->synced());
  h.PutMap("a", "2");
  h.PutMap("c", "1");
  h.RemoveMap("b");
  EXPECT_EQ(h.Settle(), (Lines{"+c", "-b", "~a"}));
  EXPECT_EQ(maps.Get("default", "a")->data.Get("k"), "2");
  EXPECT_FALSE(maps.Get("default", "b"));
  EXPECT_EQ(maps.ListNamespace("default").size(), 2u);
  EXPECT_TRUE(maps.ListNamespace("other").empty());
}

TEST(Informer, LateSubscriberGetsTheSnapshotOnce) {
  Harness h;
  h.PutMap("a", "1");
  Informer<ConfigMap> maps = h.factory.For<ConfigMap>();
  h.Settle();
  Subscription subscription = maps->Subscribe(h.executor, h.Record());
  h.PutMap("b", "1");
  EXPECT_EQ(h.Settle(), (Lines{"+a", "+b"}));
  subscription = {};
  h.PutMap("c", "1");
  EXPECT_EQ(h.Settle(), Lines{});
}

TEST(Informer, RelistAfterLostWatchShowsDifferencesOnly) {
  Harness h;
  h.PutMap("same", "1");
  h.PutMap("changed", "1");
  h.PutMap("gone", "1");
  h.PutMap("replaced", "1");
  Informer<ConfigMap> maps = h.factory.For<ConfigMap>();
  Subscription subscription = maps->Subscribe(h.executor, h.Record());
  h.Settle();
  h.api.SetFault([](std::string_view verb, const Ref&) -> std::optional<Error> {
    if (verb == "watch" || verb == "list") return Error::ServiceUnavailable("down");
    return std::nullopt;
  });
  h.api.DropWatches();
  h.Settle();
  h.PutMap("changed", "2");
  h.RemoveMap("gone");
  h.RemoveMap("replaced");
  h.PutMap("replaced", "1");
  h.PutMap("new", "1");
  h.api.DropWatches();
  h.api.SetFault(nullptr);
  h.Advance(1min);
  EXPECT_EQ(h.Settle(), (Lines{"+new", "+replaced", "-gone", "-replaced", "~changed"}));
}

TEST(Informer, SelectorsAndOptionsMakeSeparateInformers) {
  Harness h;
  h.PutMap("a", "1", "web");
  h.PutMap("b", "1", "db");
  Informer<ConfigMap> all = h.factory.For<ConfigMap>();
  Informer<ConfigMap> web = h.factory.For<ConfigMap>({.label_selector = "app=web"});
  EXPECT_EQ(&all.untyped(), &h.factory.For<ConfigMap>().untyped());
  Subscription subscription = web->Subscribe(h.executor, h.Record());
  EXPECT_EQ(h.Settle(), Lines{"+a"});
  h.PutMap("b", "1", "web");
  h.PutMap("a", "1", "db");
  EXPECT_EQ(h.Settle(), (Lines{"+b", "-a"}));
  EXPECT_EQ(all->cache().size(), 2u);
}

TEST(ObjectCache, IndexesFollowTheObjects) {
  Harness h;
  Informer<ConfigMap> maps = h.factory.For<ConfigMap>();
  h.PutMap("a", "1", "web");
  h.Settle();
  maps->cache().AddIndex("app", [](const api::Object& object, std::vector<std::string>& keys) {
    keys.push_back(object.head().labels.Get("app"));
  });
  h.PutMap("b", "1", "web");
  h.Settle();
  EXPECT_EQ(maps.ByIndex("app", "web").size(), 2u);
  h.PutMap("a", "1", "db");
  h.RemoveMap("b");
  h.Settle();
  EXPECT_EQ(maps->cache().CountByIndex("app", "web"), 0u);
  EXPECT_EQ(maps->cache().CountByIndex("app", "db"), 1u);
  EXPECT_TRUE(maps.ByIndex("no such index", "web").empty());
}

TEST(EventRecorder, CountsRepeatsCombinesSimilarOnesAndCutsOffTalkers) {
  Harness h;
  ObjectPtr subject = h.api.Put(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","namespace":"default"}})");
  EventRecorder events(h.api, h.clock, *h.rng, {.component = "tester"});
  Spawn(h.executor, h.gate, events.Run(h.stop.token()));
  auto stored = [&h] {
    std::map<std::string, int> counts;
    for (const ObjectPtr& object : h.api.All(api::KindOf<api::core::Event>())) {
      const auto& event = object->As<api::core::Event>();
      counts[event.message] = event.count.value_or(0);
    }
    return counts;
  };
  for (int i = 0; i < 3; ++i) events.Record(*subject, EventType::kNormal, "Repeated", "again");
  h.Settle();
  EXPECT_EQ(stored(), (std::map<std::string, int>{{"again", 3}}));

  for (int i = 0; i < 12; ++i) events.Record(*subject, EventType::kWarning, "Similar", fmt::format("number {}", i));
  h.Settle();
  EXPECT_EQ(stored().size(), 12u);
  EXPECT_EQ(stored()["(combined from similar events): number 11"], 2);

  for (int i = 0; i < 50; ++i) events.Record(*subject, EventType::kNormal, "Talk", "talk");
  h.Settle();
  EXPECT_EQ(stored()["talk"], 10);  // 25 in all
  h.Advance(5min);
  events.Record(*subject, EventType::kNormal, "Talk", "talk");
  h.Settle();
  EXPECT_EQ(stored()["talk"], 11);
  h.stop.Cancel();
  h.Settle();
}

Task<void> LeadUntilTold(int* leaders, CancelToken leading) {
  ++*leaders;
  Oneshot<bool> ended;
  CancelToken::Subscription on_end = leading.OnCancel([sender = ended.sender()]() mutable { sender.Set(true); });
  co_await ended.Wait();
  --*leaders;
}

TEST(LeaderElection, OneLeadsUntilItStopsOrIsCutOff) {
  Harness h;
  int leaders = 0;
  CancelSource stop_a, stop_b;
  auto elector = [&h](std::string identity) {
    return std::make_unique<LeaderElector>(h.api, h.clock, *h.rng,
                                           LeaderElectionOptions{.lease_name = "x", .identity = std::move(identity)});
  };
  auto a = elector("a"), b = elector("b");
  auto lead = [&leaders](CancelToken leading) { return LeadUntilTold(&leaders, leading); };
  Spawn(h.executor, h.gate, a->Run(lead, stop_a.token()));
  h.Settle();
  EXPECT_TRUE(a->leading());
  Spawn(h.executor, h.gate, b->Run(lead, stop_b.token()));
  h.Advance(1min);
  EXPECT_EQ(leaders, 1);
  EXPECT_FALSE(b->leading());
  EXPECT_EQ(b->leader(), "a");

  stop_a.Cancel();
  h.Settle();
  h.Advance(3s);
  EXPECT_TRUE(b->leading());
  EXPECT_EQ(leaders, 1);

  h.api.SetFault([](std::string_view, const Ref&) { return std::optional(Error::ServiceUnavailable("cut off")); });
  h.Advance(13s);
  EXPECT_EQ(leaders, 0);
  h.api.SetFault(nullptr);
  h.Advance(5s);
  EXPECT_EQ(leaders, 1);
  stop_b.Cancel();
  h.Settle();
  EXPECT_EQ(leaders, 0);
}

}  // namespace
}  // namespace sampan::client
