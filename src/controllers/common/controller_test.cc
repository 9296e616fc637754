#include "controllers/common/controller.h"

#include <gtest/gtest.h>

#include "api/types/core.h"
#include "base/contain.h"
#include "controllers/manager.h"
#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using namespace std::chrono_literals;
using api::core::ConfigMap;
using testing::Sim;

struct Seen {
  std::vector<std::string> synced;
  int rounds = 0;  // of the background loop
};

// Throws the first two times for the key "default/bad", and once in its background loop.
class Thrower final : public KeyedController {
 public:
  Thrower(World world, Seen& seen)
      : KeyedController(world, {.name = "thrower", .event_component = {}, .workers = 1}), seen_(seen) {}

 private:
  void Subscribe() override {
    maps_ = Source<ConfigMap>();
    QueueChangesOf(maps_.untyped());
  }
  Task<Result<void>> Sync(std::string key) override {
    if (key == "default/bad" && throws_-- > 0) throw std::runtime_error("bad");
    seen_.synced.push_back(key);
    co_return Result<void>();
  }
  Task<void> Background(CancelToken) override {
    if (++seen_.rounds == 1) throw std::bad_alloc();
    co_return;
  }

  Seen& seen_;
  int throws_ = 2;
  client::Informer<ConfigMap> maps_;
};

TEST(KeyedController, WhatEscapesOneKeyIsTriedAgainAndTheOthersGoOn) {
  Sim sim;
  Seen seen;
  for (const char* name : {"bad", "good"}) {
    sim.api().Put(
        fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}","namespace":"default"}}}})", name));
  }
  uint64_t before = EscapeCounts()["reconcile"];
  sim.Start(std::make_unique<Thrower>(sim.world(), seen));
  EXPECT_EQ(seen.synced, std::vector<std::string>({"default/good"}));
  sim.Advance(1s);
  EXPECT_EQ(seen.synced, std::vector<std::string>({"default/good", "default/bad"}));
  EXPECT_EQ(EscapeCounts()["reconcile"], before + 2);
  sim.Advance(5s);
  EXPECT_EQ(seen.rounds, 2) << "and so is its background loop";
}

}  // namespace
}  // namespace sampan::controllers
