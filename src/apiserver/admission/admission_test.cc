// What the two phases of admission are shown, and what becomes of a write that they refuse.
#include "apiserver/admission/admission.h"

#include <gtest/gtest.h>

#include "api/types/core.h"
#include "apiserver/registry/registry.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/testing/test_server.h"
#include "async/spawn.h"

namespace sampan::apiserver {
namespace {

json::Value Map(std::string_view name, std::string_view value = "sent") {
  return json::Object{{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"metadata", json::Object{{"name", name}, {"namespace", "default"}}},
                      {"data", json::Object{{"k", value}}}};
}

std::string_view DataOf(const json::Value* object, std::string_view key) {
  return object == nullptr ? std::string_view() : json::FindString(json::Find(*object, "data", key));
}

std::string_view NameOfIntent(Intent intent) {
  constexpr std::string_view kNames[] = {"create", "update", "delete", "connect"};
  return kNames[static_cast<size_t>(intent)];
}

Task<void> Overtake(Registry* registry, Call* call, const Mutate* mutate) {
  auto updated = co_await registry->Update(call, mutate);
  EXPECT_TRUE(updated);
}

// Tells what it is shown, and marks what it mutates.
class Spy final : public Admission {
 public:
  Phases Concerns(const WriteContext&) const override { return {.mutate = true, .validate = true}; }

  Task<Result<void>> Mutate(WriteContext* context, json::Value* object, const json::Value* old) override {
    Tell("mutate", *context, object, old);
    if (object != nullptr) object->as_object()["data"].as_object()["marked"] = "yes";
    if (between) co_await std::exchange(between, nullptr)();
    co_return Result<void>{};
  }
  Task<Result<void>> Validate(WriteContext* context, const json::Value* object, const json::Value* old) override {
    Tell("validate", *context, object, old);
    context->Undo([this] { ++undone; });
    if (refuses) co_return Fail(Error::Forbidden("no"));
    co_return Result<void>{};
  }

  std::vector<std::string> seen;
  int undone = 0;
  bool refuses = false;
  std::function<Task<void>()> between;  // runs once, after the next mutation

 private:
  void Tell(std::string_view phase, const WriteContext& context, const json::Value* object, const json::Value* old) {
    const json::Value* uid = object == nullptr ? nullptr : json::Find(*object, "metadata", "uid");
    seen.push_back(fmt::format("{} {}{} object={}{}{} old={}", phase, NameOfIntent(context.intent),
                               context.dry_run ? " dry" : "", DataOf(object, "k"), uid == nullptr ? "" : "+uid",
                               DataOf(object, "marked").empty() ? "" : "+marked", DataOf(old, "k")));
  }
};

class TwoPhases : public testing::Test {
 protected:
  TwoPhases() {
    auto spy = std::make_unique<Spy>();
    spy_ = spy.get();
    registry_.Add(api::KindOf<api::core::ConfigMap>(), *strategy_);
    registry_.AddAdmission(std::move(spy));
    user_.name = "tester";
  }

  Call CallFor(std::string_view name) {
    Call call;
    call.resource = registry_.Find(api::KindOf<api::core::ConfigMap>());
    call.user = &user_;
    call.namespace_ = "default";
    call.name = name;
    return call;
  }
  Result<ObjectPtr> Create(Call& call, json::Value object) {
    return SyncWait(server_.executor(), registry_.Create(&call, std::move(object)));
  }
  Result<ObjectPtr> Update(Call& call, const Mutate& mutate) {
    return SyncWait(server_.executor(), registry_.Update(&call, &mutate));
  }
  static Mutate Set(std::string_view value) {
    return
        [value](const json::Value&, const api::Object& object) -> Result<json::Value> { return Map(object.name(), value); };
  }
  std::vector<std::string> Seen() { return std::exchange(spy_->seen, {}); }

  using Lines = std::vector<std::string>;
  TestServer server_;
  std::unique_ptr<Rng> rng_ = NewSeededRng(1);
  std::unique_ptr<Strategy> strategy_ = NewPlainStrategy({});
  Registry registry_{{server_.store(), server_.caches(), server_.clock(), *rng_}};
  auth::UserInfo user_;
  Spy* spy_ = nullptr;
};

TEST_F(TwoPhases, ACreationIsMutatedAsSentAndValidatedAsStored) {
  Call call = CallFor("");
  auto created = Create(call, Map("a"));
  ASSERT_TRUE(created);
  EXPECT_EQ(Seen(), (Lines{"mutate create object=sent old=", "validate create object=sent+uid+marked old="}));
  EXPECT_EQ(spy_->undone, 0);
  json::Value stored = (*created)->Parse();
  EXPECT_EQ(DataOf(&stored, "marked"), "yes");
}

TEST_F(TwoPhases, WhatIsRefusedIsNotStoredAndGivesBack) {
  spy_->refuses = true;
  Call call = CallFor("");
  auto created = Create(call, Map("a"));
  ASSERT_FALSE(created);
  EXPECT_TRUE(created.error().Is(Reason::kForbidden));
  EXPECT_EQ(spy_->undone, 1);
  EXPECT_EQ(server_.Get("/api/v1/namespaces/default/configmaps/a").status, 404);
}

TEST_F(TwoPhases, ADryRunGivesBack) {
  Call call = CallFor("");
  call.dry_run = true;
  ASSERT_TRUE(Create(call, Map("a")));
  EXPECT_EQ(Seen()[1], "validate create dry object=sent+uid+marked old=");
  EXPECT_EQ(spy_->undone, 1);
}

TEST_F(TwoPhases, EachAttemptOfAnUpdateIsLookedAtAnew) {
  Call call = CallFor("");
  ASSERT_TRUE(Create(call, Map("a", "first")));
  Seen();
  Mutate other = Set("other");
  Call rival = CallFor("a");
  spy_->between = [&]() -> Task<void> { return Overtake(&registry_, &rival, &other); };
  Call update = CallFor("a");
  ASSERT_TRUE(Update(update, Set("mine")));
  EXPECT_EQ(Seen(),
            (Lines{"mutate update object=mine old=first", "mutate update object=other old=first",
                   "validate update object=other+uid+marked old=first", "validate update object=mine+uid+marked old=first",
                   "mutate update object=mine old=other", "validate update object=mine+uid+marked old=other"}));
}

TEST_F(TwoPhases, DeletionsAndConnectionsHaveNoObject) {
  Call call = CallFor("");
  ASSERT_TRUE(Create(call, Map("a")));
  Seen();
  Call connect = CallFor("a");
  EXPECT_TRUE(SyncWait(server_.executor(), registry_.Admit(&connect, Intent::kConnect, nullptr)));
  Call removal = CallFor("a");
  EXPECT_TRUE(SyncWait(server_.executor(), registry_.Delete(&removal, {})));
  EXPECT_EQ(Seen(), (Lines{"mutate connect object= old=", "validate connect object= old=", "mutate delete object= old=",
                           "validate delete object= old=sent"}));
}

}  // namespace
}  // namespace sampan::apiserver
