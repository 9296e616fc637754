#include "node/simulate/simulation.h"

#include <gtest/gtest.h>

#include "api/types/coordination.h"
#include "api/types/core.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "client/fake.h"
#include "client/typed.h"

namespace sampan::node {
namespace {

using namespace std::chrono_literals;

// A simulated cluster on one thread with a clock that stands still.
class SimulationTest : public testing::Test {
 protected:
  void Start(int64_t nodes) {
    simulation_.emplace(Simulation::Dependencies{client_, informers_, executor_, clock_}, SimulationOptions{.nodes = nodes});
    Spawn(executor_, gate_, Run());
    executor_.RunAll();
  }
  Task<void> Run() { result_ = co_await simulation_->Run(stop_.token()); }
  Task<void> StopAll() {
    co_await informers_.Stop();
    co_await gate_.Close();
  }
  void Advance(Duration duration) {
    clock_.Advance(duration);
    executor_.RunAll();
  }
  ~SimulationTest() override {
    stop_.Cancel();
    executor_.RunAll();
    Gate last;
    Spawn(executor_, last, StopAll());
    executor_.RunAll();
  }

  ManualExecutor executor_;
  ManualClock clock_;
  std::unique_ptr<Rng> rng_ = NewSeededRng(1);
  client::FakeClient client_{clock_, *rng_};
  client::InformerFactory informers_{client_, executor_, clock_, *rng_};
  CancelSource stop_;
  Gate gate_;
  std::optional<Simulation> simulation_;
  std::optional<Result<void>> result_;
};

constexpr char kPod[] = R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"default"},
    "spec":{"nodeName":"simulated-1","containers":[{"name":"c","image":"i"}]}})";

TEST_F(SimulationTest, RegistersReadyNodesAndRenewsTheirLeases) {
  Start(3);
  auto nodes = client_.All(api::KindOf<api::core::Node>());
  ASSERT_EQ(nodes.size(), 3u);
  EXPECT_EQ(nodes[0]->As<api::core::Node>().status.conditions.at(0).status, "True");
  auto lease = client::RefOf<api::coordination::Lease>("kube-node-lease", "simulated-0");
  std::string before = client_.Peek(lease)->bytes();
  Advance(10s);
  EXPECT_NE(client_.Peek(lease)->bytes(), before);
}

TEST_F(SimulationTest, RenewalsAreSpreadOverThePeriod) {
  Start(4);
  auto leases = [&] {
    std::vector<std::string> all;
    for (const auto& lease : client_.All(api::KindOf<api::coordination::Lease>())) all.push_back(lease->bytes());
    return all;
  };
  std::vector<std::string> before = leases();
  Advance(5s);
  std::vector<std::string> after = leases();
  int renewed = 0;
  for (size_t i = 0; i < before.size(); ++i) renewed += before[i] != after[i] ? 1 : 0;
  EXPECT_EQ(renewed, 2);
}

TEST_F(SimulationTest, PodsOfItsNodesRunAndGo) {
  Start(2);
  client_.Put(std::string_view(kPod));
  executor_.RunAll();
  auto ref = client::RefOf<api::core::Pod>("default", "p");
  const auto& running = client_.Peek(ref)->As<api::core::Pod>();
  EXPECT_EQ(running.status.phase, "Running");
  EXPECT_TRUE(running.status.container_statuses.at(0).ready);
  EXPECT_FALSE(running.status.pod_ip.empty());
  EXPECT_EQ(simulation_->counts().pods_started, 1);

  Spawn(executor_, gate_, [](client::Client* client, client::Ref pod) -> Task<void> {
    (void)co_await client->Delete(std::move(pod), {.grace_period_seconds = 30});
  }(&client_, ref));
  executor_.RunAll();
  EXPECT_EQ(client_.Peek(ref), nullptr);
  EXPECT_EQ(simulation_->counts().pods_removed, 1);
}

TEST_F(SimulationTest, AFailedRequestIsTriedAgain) {
  Start(2);
  client_.SetFault([](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
    if (verb == "patch" && ref.kind->kind == "Pod") return Error::ServiceUnavailable("down");
    return std::nullopt;
  });
  client_.Put(std::string_view(kPod));
  executor_.RunAll();
  EXPECT_EQ(simulation_->counts().failures, 1);
  client_.SetFault(nullptr);
  Advance(1s);
  EXPECT_EQ(client_.Peek(client::RefOf<api::core::Pod>("default", "p"))->As<api::core::Pod>().status.phase, "Running");
}

TEST_F(SimulationTest, RemovesItsNodesAtTheEnd) {
  Start(3);
  stop_.Cancel();
  executor_.RunAll();
  ASSERT_TRUE(result_.has_value());
  EXPECT_TRUE(client_.All(api::KindOf<api::core::Node>()).empty());
}

}  // namespace
}  // namespace sampan::node
