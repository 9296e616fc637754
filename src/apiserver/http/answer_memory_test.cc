#include "apiserver/http/answer_memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace sampan::apiserver {
namespace {

TEST(AnswerMemory, AnAccountHasHalfOfWhatTheOthersLeaveAndOneAnswerOfAnySize) {
  AnswerMemory memory(100);
  std::vector<AnswerMemory::Charge> held;
  auto take = [&](const char* account, size_t bytes) {
    std::optional<AnswerMemory::Charge> charge = memory.Take(account, bytes);
    if (charge) held.push_back(*std::move(charge));
    return charge.has_value();
  };
  EXPECT_TRUE(take("a", 20));
  EXPECT_TRUE(take("a", 30));
  EXPECT_FALSE(take("a", 1));
  EXPECT_TRUE(take("b", 1000)) << "the only one of its account";
  EXPECT_FALSE(take("b", 1));
  held.clear();
  EXPECT_TRUE(take("a", 20));
  EXPECT_TRUE(take("a", 30));
}

}  // namespace
}  // namespace sampan::apiserver
