#include "scheduler/scheduler.h"

#include <gtest/gtest.h>

#include "async/pool.h"
#include "async/spawn.h"
#include "client/fake.h"
#include "client/typed.h"
#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

using namespace std::chrono_literals;
using testing::MakeNode;
using testing::MakePod;

// The scheduler against an API server in memory, on one thread with a clock that stands still.
class SchedulerTest : public ::testing::Test {
 protected:
  SchedulerTest() { Spawn(executor_, gate_, scheduler_.Run(stop_.token())); }
  ~SchedulerTest() override {
    stop_.Cancel();
    Spawn(executor_, last_, StopAll());
    executor_.RunAll();
  }
  Task<void> StopAll() {
    co_await gate_.Close();
    co_await informers_.Stop();
  }
  void Put(const client::ObjectPtr& object) {
    client_.PutValue(object->Parse());
    executor_.RunAll();
  }
  const api::core::Pod& Get(const std::string& name) {
    kept_ = client_.Peek(client::RefOf<api::core::Pod>("default", name));
    return kept_->As<api::core::Pod>();
  }
  std::string ScheduledMessage(const std::string& name) {
    for (const auto& condition : Get(name).status.conditions) {
      if (condition.type == "PodScheduled" && condition.status == "False") return condition.message;
    }
    return "";
  }

  ManualExecutor executor_;
  ManualClock clock_;
  std::unique_ptr<Rng> rng_ = NewSeededRng(1);
  client::FakeClient client_{clock_, *rng_};
  client::InformerFactory informers_{client_, executor_, clock_, *rng_};
  Scheduler scheduler_{{client_, informers_, executor_, clock_, *rng_}, {}};
  CancelSource stop_;
  client::ObjectPtr kept_;
  Gate gate_, last_;
};

TEST_F(SchedulerTest, BindsPodsAndTellsWhere) {
  Put(MakeNode("a").object());
  Put(MakePod("p").object());
  EXPECT_EQ(Get("p").spec.node_name, "a");
  auto events = client_.All(api::KindOf<api::core::Event>());
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]->As<api::core::Event>().message, "Successfully assigned default/p to a");
}

TEST_F(SchedulerTest, LeavesOtherSchedulersPodsAlone) {
  Put(MakeNode("a").object());
  Put(MakePod("p", "{}", R"({"schedulerName":"mine"})").object());
  Put(MakePod("gated", "{}", R"({"schedulingGates":[{"name":"wait"}]})").object());
  EXPECT_EQ(Get("p").spec.node_name, "");
  EXPECT_EQ(Get("gated").spec.node_name, "");
}

TEST_F(SchedulerTest, SaysWhyAPodWaitsAndPlacesItWhenRoomComes) {
  Put(MakePod("p", R"({"cpu":"2"})").object());
  EXPECT_EQ(ScheduledMessage("p"), "no nodes available to schedule pods");
  Put(MakeNode("small", R"({"status":{"allocatable":{"cpu":"1","memory":"1Gi","pods":"10"}}})").object());
  clock_.Advance(1s);
  executor_.RunAll();
  EXPECT_EQ(ScheduledMessage("p"),
            "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful "
            "for scheduling.");
  Put(MakeNode("large").object());
  clock_.Advance(10s);
  executor_.RunAll();
  EXPECT_EQ(Get("p").spec.node_name, "large");
}

TEST_F(SchedulerTest, ARefusedBindingGivesTheRoomBackAndIsTriedAgain) {
  Put(MakeNode("a").object());
  client_.SetFault([](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
    if (ref.subresource == "binding") return Error::ServiceUnavailable("the disk is full");
    return std::nullopt;
  });
  Put(MakePod("p", R"({"cpu":"3"})").object());
  EXPECT_EQ(Get("p").spec.node_name, "");
  client_.SetFault(nullptr);
  clock_.Advance(1s);
  executor_.RunAll();
  EXPECT_EQ(Get("p").spec.node_name, "a");
}

// As while the watch of pods lags behind: what it shows is not there any more.
TEST_F(SchedulerTest, APodThatIsGoneIsTriedAgainAfterAWhile) {
  Put(MakeNode("a").object());
  int tries = 0;
  client_.SetFault([&](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
    if (ref.subresource != "binding") return std::nullopt;
    CHECK(++tries < 100);  // no time passes between them
    return Error::NotFound("pods", ref.name);
  });
  Put(MakePod("p", R"({"cpu":"3"})").object());
  EXPECT_EQ(tries, 1);
  clock_.Advance(1s);
  executor_.RunAll();
  EXPECT_EQ(tries, 2);
  client_.Remove(client::RefOf<api::core::Pod>("default", "p"));
  executor_.RunAll();
  clock_.Advance(60s);
  executor_.RunAll();
  EXPECT_EQ(tries, 2) << "the informer has told that it is gone";
}

// The answer to the binding is lost, and it is shown before: its room stays taken.
TEST_F(SchedulerTest, ABindingWithoutAnAnswerKeepsTheRoom) {
  Put(MakeNode("a").object());
  client_.SetFault([&](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
    if (ref.subresource != "binding") return std::nullopt;
    json::Value bound = client_.Peek(client::RefOf<api::core::Pod>("default", "p"))->Parse();
    bound.as_object()["spec"].as_object()["nodeName"] = "a";
    client_.SetFault(nullptr);
    client_.PutValue(std::move(bound));
    executor_.RunAll();  // the informer
    return Error::ServiceUnavailable("the connection is gone");
  });
  Put(MakePod("p", R"({"cpu":"3"})").object());
  EXPECT_EQ(Get("p").spec.node_name, "a");
  Put(MakePod("q", R"({"cpu":"3"})").object());
  clock_.Advance(60s);
  executor_.RunAll();
  EXPECT_EQ(Get("q").spec.node_name, "") << "there is no room for both";
}

TEST_F(SchedulerTest, NeverPutsMoreOnANodeThanFits) {
  Put(MakeNode("a", R"({"status":{"allocatable":{"cpu":"1","memory":"8Gi","pods":"110"}}})").object());
  for (int i = 0; i < 30; ++i) client_.PutValue(MakePod(fmt::format("p{}", i), R"({"cpu":"100m"})").object()->Parse());
  executor_.RunAll();
  int bound = 0;
  for (const auto& pod : client_.All(api::KindOf<api::core::Pod>()))
    bound += !pod->As<api::core::Pod>().spec.node_name.empty();
  EXPECT_EQ(bound, 10);
}

TEST_F(SchedulerTest, AnImportantPodTakesThePlaceOfALesserOne) {
  Put(MakeNode("a").object());
  Put(MakePod("little", R"({"cpu":"3"})").object());
  EXPECT_EQ(Get("little").spec.node_name, "a");
  Put(MakePod("great", R"({"cpu":"3"})", R"({"priority":2000000000})").object());
  EXPECT_EQ(Get("great").spec.node_name, "");
  EXPECT_EQ(Get("great").status.nominated_node_name, "a");
  EXPECT_EQ(ScheduledMessage("great"), "0/1 nodes are available: 1 Insufficient cpu.");
  const auto& little = Get("little");
  EXPECT_TRUE(little.metadata.deletion_timestamp) << "it is asked to leave";
  EXPECT_TRUE(std::ranges::any_of(little.status.conditions, [](const auto& condition) {
    return condition.type == "DisruptionTarget" && condition.reason == "PreemptionByScheduler";
  }));
  // While it leaves, no other pod of less importance gets its room.
  client_.Remove(client::RefOf<api::core::Pod>("default", "little"));
  Put(MakePod("thief", R"({"cpu":"2"})").object());
  EXPECT_EQ(Get("thief").spec.node_name, "");
  clock_.Advance(10s);
  executor_.RunAll();
  EXPECT_EQ(Get("great").spec.node_name, "a");
  EXPECT_EQ(Get("thief").spec.node_name, "");
}

TEST_F(SchedulerTest, APodThatWantsCompanyWaitsForIt) {
  Put(MakeNode("a", R"({"metadata":{"labels":{"host":"a"}}})").object());
  Put(MakePod("p", "{}", R"({"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[
      {"labelSelector":{"matchLabels":{"app":"db"}},"topologyKey":"host"}]}}})")
          .object());
  EXPECT_EQ(Get("p").spec.node_name, "");
  json::Value company = MakePod("db").object()->Parse();
  company.at("metadata").as_object()["labels"] = json::Object{{"app", "db"}};
  client_.PutValue(std::move(company));
  executor_.RunAll();
  clock_.Advance(1s);
  executor_.RunAll();
  EXPECT_EQ(Get("p").spec.node_name, "a");
}

// Two equal nodes make the scheduler throw dice.
class ThrowingRng final : public Rng {
 public:
  uint64_t Next() override {
    if (throws-- > 0) throw std::runtime_error("no dice");
    return 0;
  }
  int throws = 0;
};

TEST_F(SchedulerTest, WhatEscapesAnAttemptIsTriedAgainAndTheOthersGoOn) {
  ThrowingRng dice;
  Scheduler scheduler({client_, informers_, executor_, clock_, dice}, {.name = "dicing"});
  Spawn(executor_, gate_, scheduler.Run(stop_.token()));
  Put(MakeNode("a").object());
  Put(MakeNode("b").object());
  dice.throws = 1;
  client_.PutValue(MakePod("lost", "{}", R"({"schedulerName":"dicing"})").object()->Parse());
  client_.PutValue(MakePod("next", "{}", R"({"schedulerName":"dicing"})").object()->Parse());
  executor_.RunAll();
  EXPECT_EQ((Get("lost").spec.node_name.empty() ? 1 : 0) + (Get("next").spec.node_name.empty() ? 1 : 0), 1);
  clock_.Advance(1s);
  executor_.RunAll();
  EXPECT_NE(Get("lost").spec.node_name, "");
  EXPECT_NE(Get("next").spec.node_name, "");
  stop_.Cancel();
  executor_.RunAll();
}

TEST_F(SchedulerTest, WhatEscapesABindingGivesTheRoomBack) {
  Put(MakeNode("a").object());
  client_.SetFault([](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
    if (ref.subresource == "binding") throw std::bad_alloc();
    return std::nullopt;
  });
  Put(MakePod("p", R"({"cpu":"3"})").object());
  EXPECT_EQ(Get("p").spec.node_name, "");
  client_.SetFault(nullptr);
  clock_.Advance(1s);
  executor_.RunAll();
  EXPECT_EQ(Get("p").spec.node_name, "a");
}

}  // namespace
}  // namespace sampan::scheduler
