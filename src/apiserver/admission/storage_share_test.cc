#include "apiserver/admission/storage_share.h"

#include <gtest/gtest.h>

#include "api/types/core.h"
#include "apiserver/registry/registry.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/testing/test_server.h"
#include "async/spawn.h"

namespace sampan::apiserver {
namespace {

class StorageShareTest : public testing::Test {
 protected:
  StorageShareTest() {
    registry_.Add(api::KindOf<api::core::ConfigMap>(), *strategy_);
    registry_.AddAdmission(NewStorageShare({.all = 40'000, .least = 5'000}));
    user_.name = "tester";
  }

  Call CallFor(std::string_view namespace_, std::string_view name) {
    Call call;
    call.resource = registry_.Find(api::KindOf<api::core::ConfigMap>());
    call.user = &user_;
    call.namespace_ = namespace_;
    call.name = name;
    return call;
  }
  static json::Value Map(std::string_view namespace_, std::string_view name, size_t bytes) {
    return json::Object{{"apiVersion", "v1"},
                        {"kind", "ConfigMap"},
                        {"metadata", json::Object{{"name", name}, {"namespace", namespace_}}},
                        {"data", json::Object{{"k", std::string(bytes, 'x')}}}};
  }
  Result<ObjectPtr> Create(std::string_view namespace_, std::string_view name, size_t bytes) {
    Call call = CallFor(namespace_, "");
    return SyncWait(server_.executor(), registry_.Create(&call, Map(namespace_, name, bytes)));
  }

  TestServer server_;
  std::unique_ptr<Rng> rng_ = NewSeededRng(1);
  std::unique_ptr<Strategy> strategy_ = NewPlainStrategy({});
  Registry registry_{{server_.store(), server_.caches(), server_.clock(), *rng_}};
  auth::UserInfo user_;
};

TEST_F(StorageShareTest, ANamespaceHasHalfOfWhatTheOthersLeave) {
  EXPECT_TRUE(Create("a", "big", 18'000));
  auto refused = Create("a", "more", 3'000);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().Is(Reason::kForbidden));
  EXPECT_NE(refused.error().message().find("exceeded quota"), std::string::npos) << refused.error().message();
  EXPECT_FALSE(Create("b", "too-big", 12'000)) << "the others leave 22,000";
  EXPECT_TRUE(Create("b", "fits", 9'000));
  EXPECT_TRUE(Create("c", "least", 4'000));
}

TEST_F(StorageShareTest, WhatIsNotStoredIsNotCounted) {
  ASSERT_TRUE(Create("a", "x", 10'000));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Create("a", "x", 5'000).error().Is(Reason::kAlreadyExists));
  EXPECT_TRUE(Create("a", "y", 8'000));
}

TEST_F(StorageShareTest, ChangesCountByWhatTheyAddAndAdministratorsMayExceedIt) {
  ASSERT_TRUE(Create("a", "x", 15'000));
  Mutate grow = [](const json::Value&, const api::Object&) -> Result<json::Value> { return Map("a", "x", 17'000); };
  Mutate shrink = [](const json::Value&, const api::Object&) -> Result<json::Value> { return Map("a", "x", 100); };
  Mutate burst = [](const json::Value&, const api::Object&) -> Result<json::Value> { return Map("a", "x", 30'000); };
  auto update = [&](const Mutate& mutate) {
    Call call = CallFor("a", "x");
    return SyncWait(server_.executor(), registry_.Update(&call, &mutate)).has_value();
  };
  EXPECT_TRUE(update(grow));
  EXPECT_FALSE(update(burst));
  EXPECT_TRUE(update(shrink));
  user_.groups = {std::string(auth::kMastersGroup)};
  EXPECT_TRUE(update(burst));
}

}  // namespace
}  // namespace sampan::apiserver
