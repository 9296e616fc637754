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

TEST(Informer, AServerThatWasAwayForLongIsFoundAgainWithinSeconds) {
  Harness h;
  Informer<ConfigMap> maps = h.factory.For<ConfigMap>();
  Subscription subscription = maps->Subscribe(h.executor, h.Record());
  h.Settle();
  h.api.SetFault([](std::string_view, const Ref&) -> std::optional<Error> { return Error::ServiceUnavailable("down"); });
  h.api.DropWatches();
  h.Advance(10min);
  h.api.SetFault(nullptr);
  h.PutMap("new", "1");
  h.Advance(8s);
  EXPECT_EQ(h.Settle(), Lines{"+new"});
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

TEST(Informer, WhatEscapesAHandlerIsToldAgainAndCostsThatCallOnly) {
  Harness h;
  Informer<ConfigMap> maps = h.factory.For<ConfigMap>();
  int thrown = 0;
  ObjectHandlers handlers = h.Record();
  handlers.added = [&](const ObjectPtr& object) {
    bool always = object->name() == "never";
    if (object->name() != "good" && (always || thrown++ == 0)) throw std::bad_alloc();
    h.seen.push_back("+" + object->name());
  };
  Subscription subscription = maps->Subscribe(h.executor, std::move(handlers));
  for (const char* name : {"late", "never", "good"}) h.PutMap(name, "1");
  EXPECT_EQ(h.Settle(), (Lines{"+good", "+late"}));
  h.PutMap("never", "2");
  EXPECT_EQ(h.Settle(), (Lines{"~never"}));
}

TEST(Informer, WhatEscapesARoundCostsNoChange) {
  Harness h;
  Informer<ConfigMap> maps = h.factory.For<ConfigMap>();
  Subscription subscription = maps->Subscribe(h.executor, h.Record());
  h.PutMap("a", "1");
  EXPECT_EQ(h.Settle(), (Lines{"+a"}));
  int faults = 0;
  h.api.SetFault([&faults](std::string_view verb, const Ref&) -> std::optional<Error> {
    if ((verb == "watch" || verb == "list") && ++faults <= 2) throw std::runtime_error("out of memory");
    return std::nullopt;
  });
  h.api.DropWatches();
  h.PutMap("b", "1");
  h.executor.RunAll();
  h.Advance(10s);
  EXPECT_EQ(h.Settle(), (Lines{"~a", "~b"})) << "nobody knows what was told before, so all is told";
  EXPECT_EQ(faults, 4);
}

TEST(ObjectCache, AnObjectWhoseKeysCannotBeToldIsLeftOutOfThatIndex) {
  Harness h;
  Informer<ConfigMap> maps = h.factory.For<ConfigMap>();
  bool broken = true;
  maps->cache().AddIndex("app", [&broken](const api::Object& object, std::vector<std::string>& keys) {
    keys.push_back("web");
    if (broken && object.name() == "bad") throw std::length_error("bad");
  });
  for (const char* name : {"bad", "good"}) h.PutMap(name, "1");
  h.Settle();
  EXPECT_EQ(maps->cache().size(), 2u);
  EXPECT_EQ(maps->cache().CountByIndex("app", "web"), 1u);
  broken = false;
  h.PutMap("bad", "2");
  h.Settle();
  EXPECT_EQ(maps->cache().CountByIndex("app", "web"), 2u);
  broken = true;
  h.RemoveMap("bad");
  h.Settle();
  EXPECT_EQ(maps->cache().CountByIndex("app", "web"), 1u) << "and it leaves nothing behind";
}

TEST(EventRecorder, GoesOnAfterWhatEscapesAWrite) {
  Harness h;
  ObjectPtr subject = h.api.Put(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","namespace":"default"}})");
  EventRecorder events(h.api, h.clock, *h.rng, {.component = "tester"});
  Spawn(h.executor, h.gate, events.Run(h.stop.token()));
  h.api.SetFault([](std::string_view, const Ref&) -> std::optional<Error> { throw std::bad_alloc(); });
  events.Record(*subject, EventType::kNormal, "Lost", "lost");
  h.Settle();
  h.api.SetFault(nullptr);
  events.Record(*subject, EventType::kNormal, "Told", std::string(5000, 'x'));
  h.Settle();
  std::vector<ObjectPtr> written = h.api.All(api::KindOf<api::core::Event>());
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0]->As<api::core::Event>().message.size(), 1024u);
  h.stop.Cancel();
  h.Settle();
}

Task<void> LeadBriefly(int* terms) {
  if (++*terms == 1) throw std::runtime_error("the first term is lost");
  co_return;
}

TEST(LeaderElection, WhoLeadsNoMoreLetsGoOfTheLease) {
  Harness h;
  CancelSource stop;
  LeaderElector elector(h.api, h.clock, *h.rng, LeaderElectionOptions{.lease_name = "x", .identity = "a"});
  int terms = 0;
  Spawn(h.executor, h.gate, elector.Run([&terms](CancelToken) { return LeadBriefly(&terms); }, stop.token()));
  h.Settle();
  EXPECT_EQ(terms, 1);
  EXPECT_FALSE(elector.leading());
  h.Advance(3s);
  EXPECT_EQ(terms, 2);
  stop.Cancel();
  h.Settle();
}

TEST(LeaderElection, ALeaseThatCountsToTheEndIsStillTaken) {
  for (const char* spec : {R"({"leaseTransitions":2147483647})", R"({"leaseTransitions":-7})", R"({"leaseTransitions":"x"})",
                           R"("no spec")", R"({"holderIdentity":[],"acquireTime":7})"}) {
    Harness h;
    h.api.Put(fmt::format(R"({{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{{"name":"x",
      "namespace":"kube-system"}},"spec":{}}})",
                          spec));
    CancelSource stop;
    int leaders = 0;
    LeaderElector elector(h.api, h.clock, *h.rng, LeaderElectionOptions{.lease_name = "x", .identity = "a"});
    Spawn(h.executor, h.gate,
          elector.Run([&leaders](CancelToken leading) { return LeadUntilTold(&leaders, leading); }, stop.token()));
    h.Settle();
    EXPECT_EQ(leaders, 1) << spec;
    ObjectPtr lease = h.api.Peek({api::FindKind("coordination.k8s.io/v1", "Lease"), "kube-system", "x", ""});
    json::Value value = lease->Parse();
    const json::Value* transitions = json::Find(value, "spec", "leaseTransitions");
    EXPECT_LE(transitions->to_number<int64_t>(), INT32_MAX) << spec;
    EXPECT_GT(transitions->to_number<int64_t>(), 0) << spec;
    stop.Cancel();
    h.Settle();
  }
}

}  // namespace
}  // namespace sampan::client
