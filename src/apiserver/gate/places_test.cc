#include "apiserver/gate/places.h"

#include <gtest/gtest.h>

#include "async/pool.h"
#include "async/spawn.h"

namespace sampan::apiserver {
namespace {

class PlacesTest : public testing::Test {
 protected:
  // How many of `wanted` requests of a user are let in; they go on.
  size_t Take(std::string_view user, size_t wanted, std::vector<std::string> groups = {}) {
    ApiRequest request;
    request.info.verb = "get";
    request.user = {.name = std::string(user), .uid = "", .groups = std::move(groups), .extra = {}};
    size_t taken = 0;
    for (size_t i = 0; i < wanted; ++i) {
      auto place = SyncWait(*executor_, places_.Acquire(Places::Classify(request)));
      if (!place) break;
      held_.push_back(*std::move(place));
      ++taken;
    }
    return taken;
  }

  std::unique_ptr<Executor> executor_ = NewThreadPool("places", 1);
  Places places_{{.readonly = 400, .mutating = 200, .long_running = 10}};
  std::vector<Place> held_;
};

TEST_F(PlacesTest, AnAccountHasHalfOfWhatTheOthersLeave) {
  EXPECT_EQ(Take("alice", 400), 150u);
  EXPECT_EQ(Take("bob", 400), 75u);
  held_.clear();
  EXPECT_EQ(places_.InFlight(Flow::kReadOnly), 0);
  EXPECT_EQ(Take("alice", 400), 150u) << "what is given back is free again";
}

TEST_F(PlacesTest, ManyAccountsLeaveTheClusterItsPart) {
  size_t taken = 0;
  for (int i = 0; i < 1000; ++i) taken += Take(std::to_string(i), 400);
  EXPECT_LE(taken, 300u);
  EXPECT_GT(taken, 290u);
  EXPECT_EQ(Take("system:node:a", 400, {"system:nodes"}), 50u);
  EXPECT_EQ(Take("system:serviceaccount:kube-system:x", 400, {"system:serviceaccounts:kube-system"}), 25u);
  EXPECT_EQ(Take("system:kube-scheduler", 600), 600u) << "a binding that is refused waits for a second";
  EXPECT_EQ(Take("root", 400, {"system:masters"}), 400u);
}

TEST_F(PlacesTest, ServiceAccountsOfANamespaceShare) {
  EXPECT_EQ(Take("system:serviceaccount:a:x", 400), 150u);
  EXPECT_EQ(Take("system:serviceaccount:a:y", 400), 0u);
  EXPECT_EQ(Take("system:serviceaccount:b:x", 400), 75u);
}

}  // namespace
}  // namespace sampan::apiserver
