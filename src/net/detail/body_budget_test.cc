#include "net/detail/body_budget.h"

#include <gtest/gtest.h>

namespace sampan::net::detail {
namespace {

class Holder final : public BodyHolder {
 public:
  Holder(BodyBudget& budget, const char* account, double late) : late_(late) { charge_.Open(budget, *this, account); }
  bool Add(size_t bytes) { return charge_.Add(bytes); }
  bool gone() const { return !receiving_; }
  void Received() { complete_ = true; }

  bool receiving() const override { return receiving_ && !complete_; }
  double seconds_late() const override { return late_; }
  void GiveWay() override {
    receiving_ = false;
    charge_.Release();
  }

 private:
  const double late_;
  bool receiving_ = true;
  bool complete_ = false;
  BodyCharge charge_;
};

TEST(BodyBudget, AnAccountHoldsHalfOfWhatOthersLeave) {
  BodyBudget budget(1000);
  Holder greedy(budget, "greedy", 0);
  EXPECT_TRUE(greedy.Add(500));
  EXPECT_FALSE(greedy.Add(1));
  Holder second(budget, "second", 0);
  EXPECT_TRUE(second.Add(250));
  EXPECT_FALSE(second.Add(1));
  Holder third(budget, "third", 0);
  EXPECT_TRUE(third.Add(125)) << "there is always something left";
  EXPECT_EQ(budget.used(), 875U);
}

TEST(BodyBudget, WhatComesSlowestGivesWayToOthersOfItsAccount) {
  BodyBudget budget(1000);
  Holder slow(budget, "a", 5);
  Holder slower(budget, "a", 9);
  Holder done(budget, "a", 100);
  Holder other(budget, "b", 50);
  EXPECT_TRUE(slow.Add(100) && slower.Add(100) && done.Add(100) && other.Add(100));
  done.Received();
  Holder fresh(budget, "a", 0);
  EXPECT_TRUE(fresh.Add(150)) << "half of 900";
  EXPECT_TRUE(fresh.Add(50));
  EXPECT_TRUE(slower.gone() && !slow.gone() && !other.gone());
  EXPECT_TRUE(fresh.Add(100));
  EXPECT_TRUE(slow.gone() && !other.gone());
  EXPECT_FALSE(fresh.Add(200)) << "what has come whole is being handled";
  EXPECT_FALSE(done.gone());
}

TEST(BodyBudget, WhatIsReleasedCountsNoMore) {
  BodyBudget budget(1000);
  for (int i = 0; i < 10; ++i) {
    Holder one(budget, "a", 0);
    EXPECT_TRUE(one.Add(400)) << i;
  }
  EXPECT_EQ(budget.used(), 0U);
}

}  // namespace
}  // namespace sampan::net::detail
