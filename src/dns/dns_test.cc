#include "dns/dns.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "api/types/core.h"
#include "async/channel.h"
#include "client/testing.h"
#include "client/typed.h"
#include "dns/testing.h"
#include "os/fd.h"

namespace sampan::dns {
namespace {

using api::core::Service;

class FakeHost final : public HostAddresses {
 public:
  Result<void> Add(const std::string& address) override {
    changes_.TryPush("+" + address);
    return {};
  }
  Result<void> Remove(const std::string& address) override {
    changes_.TryPush("-" + address);
    return {};
  }
  Channel<std::string>& changes() { return changes_; }

 private:
  Channel<std::string> changes_{10};
};

class DnsTest : public client::ComponentTest {
 protected:
  void SetUp() override {
    api_.Put(R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}})");
    api_.Put(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"db","namespace":"default"},
      "spec":{"clusterIP":"None"}})");
    Start(dns_);
  }
  std::string Ask(std::string_view name) {
    os::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    timeval limit{.tv_sec = 5};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    Upstream to = *Upstream::Parse(fmt::format("127.0.0.1:{}", dns_.port()));
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to.address), to.length) != 0) return "cannot connect";
    std::string message = *WriteQuery(1, name, Type::kA);
    ::send(socket.get(), message.data(), message.size(), 0);
    std::string response(2000, '\0');
    ssize_t got = ::recv(socket.get(), response.data(), response.size(), 0);
    if (got < 0) return "nothing";
    response.resize(static_cast<size_t>(got));
    return Describe(BytesOf(response));
  }
  // Until the name has this answer: the component follows the API a moment later.
  void Expect(std::string_view name, const std::string& answer) {
    std::string last;
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (last != answer && std::chrono::steady_clock::now() < deadline) {
      last = dns_.port() == 0 ? "" : Ask(name);
      std::this_thread::yield();
    }
    EXPECT_EQ(last, answer);
  }

  FakeHost host_;
  Dns dns_{informers_, *pool_, blocking_, *clock_, *rng_, &host_, {.cluster_ips = {"127.0.0.1"}, .port = 0}};
};

TEST_F(DnsTest, FollowsServicesAndEndpoints) {
  api_.Put(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"default"},
    "spec":{"clusterIP":"10.96.0.7"}})");
  Expect("web.default.svc.cluster.local", "NOERROR web.default.svc.cluster.local A 10.96.0.7");
  api_.Put(R"({"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"db-1","namespace":"default",
    "labels":{"kubernetes.io/service-name":"db"}},"addressType":"IPv4","endpoints":[{"addresses":["10.244.0.2"],
    "hostname":"db-0"}]})");
  Expect("db-0.db.default.svc.cluster.local", "NOERROR db-0.db.default.svc.cluster.local A 10.244.0.2");
  api_.Remove(client::RefOf<Service>("default", "web"));
  Expect("web.default.svc.cluster.local", "NXDOMAIN; authority: cluster.local SOA ns.dns.cluster.local");
  EXPECT_EQ(*SyncWait(*pool_, host_.changes().Pop()), "+127.0.0.1");
}

TEST_F(DnsTest, FollowsTheConfigMaps) {
  auto put = [this](std::string_view text) {
    api_.Put(fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"coredns","namespace":"kube-system"}},
      "data":{{"Corefile":"{}"}}}})",
                         text));
  };
  put(".:53 {\\n hosts {\\n 10.0.0.3 printer.corp.org\\n }\\n}\\n");
  Expect("printer.corp.org", "NOERROR printer.corp.org A 10.0.0.3");
  put(".:53 {");
  put(".:53 {\\n hosts {\\n 10.0.0.4 printer.corp.org\\n }\\n}\\n");
  Expect("printer.corp.org", "NOERROR printer.corp.org A 10.0.0.4");
}

}  // namespace
}  // namespace sampan::dns
