#include "apiserver/gate/heavy.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <mutex>

#include "apiserver/testing/test_server.h"
#include "async/gate.h"

namespace sampan::apiserver {
namespace {

Task<bool> Work(std::atomic<int>* begun, Oneshot<bool> go) {
  ++*begun;
  bool done = co_await go.Wait();
  co_return done;
}

TEST(HeavyWork, AnAccountWaitsForItselfOnly) {
  HeavyWork heavy;
  std::unique_ptr<Executor> executor = NewThreadPool("callers", 1);
  std::atomic<int> busy{0}, other{0}, free{0};
  std::vector<Oneshot<bool>> go(5);
  Gate gate;
  auto call = [](HeavyWork* work, std::string account, Task<bool> task) -> Task<void> {
    (void)co_await work->Run(std::move(account), std::move(task));
  };
  for (Oneshot<bool>& one : go) Spawn(*executor, gate, call(&heavy, "busy", Work(&busy, one)));
  Oneshot<bool> now;
  now.sender().Set(true);
  EXPECT_TRUE(SyncWait(*executor, heavy.Run("other", Work(&other, now))));
  EXPECT_EQ(busy, 2) << "what came before the other has begun by now, and is all that may";
  Oneshot<bool> again;
  again.sender().Set(true);
  EXPECT_TRUE(SyncWait(*executor, heavy.Run("", Work(&free, again))));
  for (Oneshot<bool>& one : go) one.sender().Set(true);
  SyncWait(*executor, gate.Close());
  EXPECT_EQ(busy, 5);
}

// Notes which thread asks about escalation, which is the one that does the work.
class WhoAsks final : public auth::Authorizer {
 public:
  auth::Decision Authorize(const auth::Attributes& attributes) const override {
    if (attributes.verb != "escalate") return {true, ""};
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof(name));
    std::lock_guard lock(mutex_);
    threads_.emplace_back(name);
    return {true, ""};
  }
  auth::Decision Explain(const auth::Attributes& attributes) const override { return Authorize(attributes); }
  const auth::RuleSource* rules() const override { return nullptr; }
  std::string last() const {
    std::lock_guard lock(mutex_);
    return threads_.back();
  }

 private:
  mutable std::mutex mutex_;
  mutable std::vector<std::string> threads_;
};

TEST(HeavyWork, SmallChangesOfLargeObjectsAreHeavy) {
  constexpr std::string_view kRoles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
  WhoAsks authorizer;
  TestOptions options;
  options.authorizer = &authorizer;
  TestServer server(options);
  auto role = [](std::string_view name, size_t bytes) {
    return fmt::format(R"({{"metadata":{{"name":"{}","annotations":{{"a":"{}"}}}},"rules":[]}})", name,
                       std::string(bytes, 'x'));
  };
  ASSERT_EQ(server.Post(kRoles, role("large", 200'000)).status, 201);
  ASSERT_EQ(server.Post(kRoles, role("small", 1)).status, 201);
  auto change = [&](std::string_view name, std::string_view verb) {
    std::string patch = fmt::format(R"({{"rules":[{{"apiGroups":[""],"resources":["pods"],"verbs":["{}"]}}]}})", verb);
    return server
        .Do("PATCH", fmt::format("{}/{}", kRoles, name), std::move(patch),
            {{"content-type", "application/merge-patch+json"}, {"impersonate-user", "alice"}})
        .status;
  };
  EXPECT_EQ(change("large", "get"), 200);
  EXPECT_EQ(authorizer.last(), "api-heavy");
  EXPECT_EQ(change("small", "get"), 200);
  EXPECT_NE(authorizer.last(), "api-heavy");
}

}  // namespace
}  // namespace sampan::apiserver
