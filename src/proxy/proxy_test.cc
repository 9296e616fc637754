#include "proxy/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/types/core.h"
#include "async/channel.h"
#include "client/testing.h"
#include "client/typed.h"

namespace sampan::proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

// Keeps what it is told; a test takes the commands as they come.
class FakeKernel final : public Kernel {
 public:
  Result<LocalReplies> Prepare() override { return LocalReplies::kSeen; }
  Result<void> SetLoopbackRoute(LoopbackRoute route) override {
    opened_.TryPush(fmt::format("{} after {} tables", route == LoopbackRoute::kOpen ? "open" : "closed", tables_.load()));
    return {};
  }
  Result<void> Apply(const std::string& commands) override {
    if (failures_.exchange(0) > 0) return Fail(Error::InternalError("busy"));
    if (commands.find("add table") != std::string::npos) ++tables_;
    applied_.TryPush(commands);
    return {};
  }
  Result<bool> HasTable(IpFamily family) override { return true; }
  Result<size_t> ForgetUdpFlows(const std::function<bool(const os::Flow&)>& doomed) override { return 0; }

  void FailOnce() { failures_ = 1; }
  Channel<std::string>& applied() { return applied_; }
  Channel<std::string>& opened() { return opened_; }

 private:
  std::atomic<int> failures_{0}, tables_{0};
  Channel<std::string> opened_{100};
  Channel<std::string> applied_{100};
};

class FakeHealthPorts final : public HealthPorts {
 public:
  Task<void> Set(std::map<uint16_t, HealthCheck> checks, ProxyHealth proxy) override {
    std::string text;
    for (const auto& [port, check] : checks) {
      text += fmt::format("{} {}/{} {}", port, check.namespace_, check.service, check.local_endpoints);
    }
    set_.TryPush(std::move(text));
    co_return;
  }
  Task<void> Stop() override { co_return; }
  bool Listening(uint16_t port) const override { return true; }
  Channel<std::string>& set() { return set_; }

 private:
  Channel<std::string> set_{100};
};

class ProxyTest : public client::ComponentTest {
 protected:
  void SetUp() override {
    PutService("web", "10.96.0.7");
    PutSlice("web", R"({"addresses":["10.244.0.2"],"nodeName":"here"})");
    Start(proxy_);
  }
  std::string NextCommands() { return SyncWait(*pool_, kernel_.applied().Pop()).value_or("closed"); }

  void PutService(const std::string& name, const std::string& ip) {
    api_.Put(fmt::format(R"({{"apiVersion":"v1","kind":"Service","metadata":{{"name":"{}","namespace":"ns"}},
      "spec":{{"clusterIP":"{}","ports":[{{"port":80,"protocol":"TCP"}}]}}}})",
                         name, ip));
  }
  void PutSlice(const std::string& service, const std::string& endpoint) {
    api_.Put(fmt::format(R"({{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{{"name":"{0}-1",
      "namespace":"ns","labels":{{"kubernetes.io/service-name":"{0}"}}}},"addressType":"IPv4","endpoints":[{1}],
      "ports":[{{"name":"","port":8080,"protocol":"TCP"}}]}})",
                         service, endpoint));
  }

  FakeKernel kernel_;
  FakeHealthPorts health_;
  Proxy proxy_{informers_, *pool_, blocking_, *clock_, kernel_, &health_, {.node_name = "here", .min_sync_interval = 1ms}};
};

TEST_F(ProxyTest, StartsWithTheWholeTableThenFollowsChanges) {
  EXPECT_THAT(NextCommands(), HasSubstr("10.96.0.7 . tcp . 80 : goto lb/tcp/1"));
  PutSlice("web", R"({"addresses":["10.244.0.3"],"nodeName":"here"})");
  std::string change = NextCommands();
  EXPECT_THAT(change, HasSubstr("add element ip sampan-proxy endpoints-tcp { 10.96.0.7 . 80 . 0 : 10.244.0.3 . 8080 }"));
  EXPECT_THAT(change, Not(HasSubstr("add table")));
  api_.Remove(client::RefOf<api::core::Service>("ns", "web"));
  EXPECT_THAT(NextCommands(), HasSubstr("delete element ip sampan-proxy service-ips { 10.96.0.7 . tcp . 80 }"));
}

TEST_F(ProxyTest, LoopbackIsRoutableOnlyBehindTheTable) {
  EXPECT_EQ(SyncWait(*pool_, kernel_.opened().Pop()), "open after 1 tables");
}

TEST_F(ProxyTest, AFailedChangeIsFollowedByTheWholeTable) {
  NextCommands();
  kernel_.FailOnce();
  PutService("other", "10.96.0.8");
  std::string whole = NextCommands();
  EXPECT_THAT(whole, HasSubstr("delete table ip sampan-proxy"));
  EXPECT_THAT(whole, HasSubstr("10.96.0.8 . tcp . 80 : goto reject-packet"));
  EXPECT_THAT(whole, HasSubstr("10.96.0.7 . tcp . 80 : goto lb/tcp/1"));
}

TEST_F(ProxyTest, TheNodesPodRangeIsTakenOver) {
  NextCommands();
  api_.Put(R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"here","labels":{"topology.kubernetes.io/zone":"z"}},
    "spec":{"podCIDR":"10.244.0.0/24"}})");
  EXPECT_THAT(NextCommands(), HasSubstr("delete table ip sampan-proxy"));
  EXPECT_TRUE(proxy_.stats().ready);
}

TEST_F(ProxyTest, LoadBalancersLearnWhetherPodsAreHere) {
  auto next = [this] { return SyncWait(*pool_, health_.set().Pop()).value_or("closed"); };
  api_.Put(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"ns"},
    "spec":{"clusterIP":"10.96.0.7","type":"LoadBalancer","externalTrafficPolicy":"Local","healthCheckNodePort":32000,
    "ports":[{"port":80,"protocol":"TCP"}]}})");
  EXPECT_EQ(next(), "32000 ns/web 1");
  PutSlice("web", R"({"addresses":["10.244.1.3"],"nodeName":"elsewhere"})");
  EXPECT_EQ(next(), "32000 ns/web 0");
  api_.Remove(client::RefOf<api::core::Service>("ns", "web"));
  EXPECT_EQ(next(), "");
}

}  // namespace
}  // namespace sampan::proxy
