// The rules in a real kernel: a node with a bridge, two pods on it and a client outside, each a network namespace.
#include "proxy/kernel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <set>
#include <thread>

#include "os/fd.h"
#include "os/netlink.h"
#include "os/subprocess.h"
#include "os/sysctl.h"
#include "os/testing.h"
#include "proxy/rule_set.h"
#include "proxy/stale_flows.h"

namespace sampan::proxy {
namespace {

using os::Fd;
using os::kCapNetAdmin;
using os::TempNetns;

constexpr const char* kPodA = "10.244.0.2";
constexpr const char* kPodB = "10.244.0.3";
constexpr const char* kGateway = "10.244.0.1";
constexpr const char* kNode = "192.168.50.1";
constexpr const char* kClient = "192.168.50.2";
constexpr const char* kServiceIp = "10.96.0.7";

sockaddr_in AddressOf(const std::string& ip, uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  return address;
}

std::string IpOf(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return text;
}

// A socket of the namespace; it stays there whoever uses it.
Fd SocketIn(const TempNetns& netns, int type) {
  Fd fd;
  netns.Run([&]() -> Result<void> {
    fd = Fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    return {};
  });
  return fd;
}

// Answers every connection (or datagram) with "<name> <address of the peer>".
class EchoServer {
 public:
  EchoServer(const TempNetns& netns, int type, uint16_t port, std::string name)
      : name_(std::move(name)), socket_(SocketIn(netns, type)), type_(type) {
    int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in any = AddressOf("0.0.0.0", port);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    if (type == SOCK_STREAM) EXPECT_EQ(::listen(socket_.get(), 16), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~EchoServer() {
    stopping_ = true;
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  void Serve() {
    while (!stopping_) {
      pollfd ready{socket_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      sockaddr_in peer = {};
      socklen_t length = sizeof peer;
      if (type_ == SOCK_STREAM) {
        Fd connection(::accept(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &length));
        if (!connection) continue;
        std::string answer = name_ + " " + IpOf(peer);
        (void)!::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      } else {
        char byte;
        if (::recvfrom(socket_.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&peer), &length) < 0) continue;
        std::string answer = name_ + " " + IpOf(peer);
        ::sendto(socket_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&peer), length);
      }
    }
  }

  std::string name_;
  Fd socket_;
  int type_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

std::string Receive(const Fd& socket, int milliseconds) {
  pollfd ready{socket.get(), POLLIN, 0};
  if (::poll(&ready, 1, milliseconds) <= 0) return "timeout";
  char buffer[128];
  ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, 0);
  if (got < 0) return errno == ECONNREFUSED ? "refused" : ::strerror(errno);
  return std::string(buffer, static_cast<size_t>(got));
}

// Connects within the namespace: the server's answer, "refused" or "timeout".
std::string Ask(const TempNetns& from, const std::string& ip, uint16_t port, int milliseconds = 2000) {
  Fd socket = SocketIn(from, SOCK_STREAM | SOCK_NONBLOCK);
  sockaddr_in address = AddressOf(ip, port);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
    return errno == ECONNREFUSED ? "refused" : ::strerror(errno);
  }
  pollfd ready{socket.get(), POLLOUT, 0};
  if (::poll(&ready, 1, milliseconds) <= 0) return "timeout";
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return error == ECONNREFUSED ? "refused" : ::strerror(error);
  return Receive(socket, milliseconds);
}

class ProxyKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT(kCapNetAdmin, "service rules in the kernel");
    node_.emplace("node");
    a_.emplace("a");
    b_.emplace("b");
    client_.emplace("client");
    BuildNode();
    BuildEnd(*a_, kPodA, kGateway);
    BuildEnd(*b_, kPodB, kGateway);
    BuildEnd(*client_, kClient, kNode);
    kernel_ = *NewLinuxKernel(node_->path());
    config_.local_replies = *kernel_->Prepare();
    rules_.emplace(config_);
    ASSERT_OK(kernel_->Apply(rules_->Render()));
    ASSERT_OK(kernel_->SetLoopbackRoute(LoopbackRoute::kOpen));
  }

  void BuildNode() {
    node_->Run([this]() -> Result<void> {
      TRY(os::Netlink netlink, os::Netlink::Open());
      TRY_VOID(netlink.CreateLink({.name = "cni0", .kind = "bridge"}));
      TRY_VOID(netlink.AddAddress("cni0", fmt::format("{}/24", kGateway)));
      TRY_VOID(netlink.SetUp("cni0"));
      for (auto [port, netns] : {std::pair("veth-a", &*a_), std::pair("veth-b", &*b_)}) {
        TRY_VOID(netlink.CreateLink({.name = port, .kind = "veth", .peer = "eth0", .peer_netns = netns->path()}));
        TRY_VOID(netlink.SetMaster(port, "cni0"));
        TRY_VOID(netlink.SetUp(port));
      }
      TRY_VOID(netlink.CreateLink({.name = "wan", .kind = "veth", .peer = "eth0", .peer_netns = client_->path()}));
      TRY_VOID(netlink.AddAddress("wan", fmt::format("{}/24", kNode)));
      TRY_VOID(netlink.SetUp("wan"));
      return netlink.ReplaceRoute({.destination = "default", .gateway = kClient});
    });
    for (const char* port : {"veth-a", "veth-b"}) {
      os::RunOptions hairpin;
      hairpin.spawn.argv = {"bridge", "link", "set", "dev", port, "hairpin", "on"};
      hairpin.spawn.netns_path = node_->path();
      EXPECT_OK(os::Run(std::move(hairpin)));
    }
  }

  static void BuildEnd(const TempNetns& netns, const std::string& address, const std::string& gateway) {
    netns.Run([&]() -> Result<void> {
      TRY(os::Netlink netlink, os::Netlink::Open());
      TRY_VOID(netlink.AddAddress("eth0", address + "/24"));
      TRY_VOID(netlink.SetUp("eth0"));
      return netlink.ReplaceRoute({.destination = "default", .gateway = gateway});
    });
  }

  ServicePort Web(std::vector<Backend> backends) const {
    ServicePort port;
    port.name = "ns/web/tcp/http";
    port.protocol = "tcp";
    port.cluster_ip = kServiceIp;
    port.port = 80;
    port.node_port = 30080;
    port.backends = backends;
    port.local_backends = std::move(backends);
    return port;
  }

  void Set(const ServicePort& port) {
    Commands commands = rules_->Update({{"ns/web", PlanService(std::vector{port}, config_)}});
    ASSERT_OK(kernel_->Apply(commands.change));
    if (!commands.sweep.empty()) ASSERT_OK(kernel_->Apply(commands.sweep));
  }

  // What a pod's address looks like to another pod of its bridge behind a service.
  std::string SeenAs(const char* pod) const { return config_.local_replies == LocalReplies::kSeen ? pod : kGateway; }

  std::optional<TempNetns> node_, a_, b_, client_;
  std::unique_ptr<Kernel> kernel_;
  RulesConfig config_{.cluster_cidr = "10.244.0.0/16", .pod_cidr = "10.244.0.0/24"};
  std::optional<RuleSet> rules_;
};

TEST_F(ProxyKernel, ClusterIpReachesABackendFromPodsNodeAndOutside) {
  EchoServer server(*b_, SOCK_STREAM, 8080, "b");
  Set(Web({{kPodB, 8080}}));
  EXPECT_EQ(Ask(*a_, kServiceIp, 80), "b " + SeenAs(kPodA));
  EXPECT_EQ(Ask(*node_, kServiceIp, 80), fmt::format("b {}", kGateway));
  EXPECT_EQ(Ask(*client_, kServiceIp, 80), fmt::format("b {}", kGateway));
  EXPECT_EQ(Ask(*a_, kServiceIp, 81), "refused") << "no such port";
}

TEST_F(ProxyKernel, WithoutFilteredBridgesRepliesComeBackThroughTheNode) {
  EchoServer server(*b_, SOCK_STREAM, 8080, "b");
  node_->Run([]() -> Result<void> {
    (void)os::WriteSysctl("net.bridge.bridge-nf-call-iptables", "0");
    return {};
  });
  config_.local_replies = LocalReplies::kUnseen;
  rules_.emplace(config_);
  ASSERT_OK(kernel_->Apply(rules_->Render()));
  Set(Web({{kPodB, 8080}}));
  EXPECT_EQ(Ask(*a_, kServiceIp, 80), fmt::format("b {}", kGateway));
}

TEST_F(ProxyKernel, SpreadsOverBackends) {
  EchoServer server_a(*a_, SOCK_STREAM, 8080, "a");
  EchoServer server_b(*b_, SOCK_STREAM, 8080, "b");
  Set(Web({{kPodA, 8080}, {kPodB, 8080}}));
  std::set<char> seen;
  for (int i = 0; i < 40; ++i) seen.insert(Ask(*client_, kNode, 30080)[0]);
  EXPECT_EQ(seen, (std::set<char>{'a', 'b'}));
}

TEST_F(ProxyKernel, APodReachesItself) {
  EchoServer server(*a_, SOCK_STREAM, 8080, "a");
  Set(Web({{kPodA, 8080}}));
  EXPECT_EQ(Ask(*a_, kServiceIp, 80), fmt::format("a {}", kGateway));
}

TEST_F(ProxyKernel, NodePortOnEveryAddressOfTheNode) {
  EchoServer server(*b_, SOCK_STREAM, 8080, "b");
  Set(Web({{kPodB, 8080}}));
  EXPECT_EQ(Ask(*client_, kNode, 30080), fmt::format("b {}", kGateway));
  EXPECT_EQ(Ask(*a_, kNode, 30080), fmt::format("b {}", kGateway));
  EXPECT_EQ(Ask(*node_, "127.0.0.1", 30080), fmt::format("b {}", kGateway));
}

TEST_F(ProxyKernel, ExternalPolicyLocalKeepsTheClientsAddress) {
  EchoServer server(*b_, SOCK_STREAM, 8080, "b");
  ServicePort port = Web({{kPodB, 8080}});
  port.external_policy = TrafficPolicy::kLocal;
  port.external_ips = {"198.51.100.7"};
  Set(port);
  EXPECT_EQ(Ask(*client_, kNode, 30080), fmt::format("b {}", kClient));
  EXPECT_EQ(Ask(*client_, "198.51.100.7", 80), fmt::format("b {}", kClient));
  port.local_backends.clear();
  Set(port);
  EXPECT_EQ(Ask(*client_, kNode, 30080, 200), "timeout");
  EXPECT_EQ(Ask(*node_, "198.51.100.7", 80), fmt::format("b {}", kGateway)) << "insiders reach any backend";
}

TEST_F(ProxyKernel, WhatTheClusterNeedsIsNoExternalAddressOfAService) {
  config_.service_cidr = "10.96.0.0/12";
  config_.kept = {{"", 10250}, {kClient, 6443}};
  rules_.emplace(config_);
  ASSERT_OK(kernel_->Apply(rules_->Render()));
  EchoServer web(*b_, SOCK_STREAM, 8080, "b");
  EchoServer thief(*a_, SOCK_STREAM, 66, "thief");
  EchoServer kubelet(*node_, SOCK_STREAM, 10250, "kubelet");
  EchoServer api(*client_, SOCK_STREAM, 6443, "api");
  auto steal = [&](std::string address, uint16_t port, std::vector<Backend> backends) {
    ServicePort taken = Web(std::move(backends));
    taken.name = fmt::format("a/{}/tcp/http", address);
    taken.cluster_ip = "10.96.0.66";
    taken.node_port = 0;
    taken.port = port;
    taken.external_ips = {std::move(address)};
    return PlanService(std::vector{taken}, config_);
  };
  for (const std::vector<Backend>& backends : {std::vector<Backend>{{kPodA, 66}}, std::vector<Backend>{}}) {
    Set(Web({{kPodB, 8080}}));
    Commands commands = rules_->Update({{"a/1", steal(kServiceIp, 80, backends)},
                                        {"a/2", steal("10.96.0.8", 80, backends)},
                                        {"a/3", steal(kNode, 10250, backends)},
                                        {"a/4", steal(kClient, 6443, backends)},
                                        {"a/5", steal(kNode, 81, backends)},
                                        {"a/6", steal(kPodB, 8080, backends)}});
    ASSERT_OK(kernel_->Apply(commands.change));
    EXPECT_EQ(Ask(*b_, kServiceIp, 80)[0], 'b');
    EXPECT_NE(Ask(*b_, "10.96.0.8", 80, 200).substr(0, 5), "thief") << "an address that no service has yet";
    EXPECT_EQ(Ask(*client_, kNode, 10250).substr(0, 7), "kubelet");
    EXPECT_EQ(Ask(*node_, kNode, 10250).substr(0, 7), "kubelet");
    EXPECT_EQ(Ask(*node_, kClient, 6443).substr(0, 3), "api");
    EXPECT_EQ(Ask(*node_, kPodB, 8080)[0], 'b') << "a pod's own address";
    EXPECT_EQ(Ask(*client_, kNode, 81).substr(0, 5), backends.empty() ? "refus" : "thief") << "other ports are free";
  }
}

TEST_F(ProxyKernel, NoBackendsRefusesAtOnce) {
  Set(Web({}));
  EXPECT_EQ(Ask(*a_, kServiceIp, 80), "refused");
  EXPECT_EQ(Ask(*node_, kServiceIp, 80), "refused");
  EXPECT_EQ(Ask(*client_, kNode, 30080), "refused");
  EchoServer server(*b_, SOCK_STREAM, 8080, "b");
  Set(Web({{kPodB, 8080}}));
  EXPECT_EQ(Ask(*a_, kServiceIp, 80), "b " + SeenAs(kPodA));
}

TEST_F(ProxyKernel, AffinityKeepsAClientAtItsBackend) {
  EchoServer server_a(*a_, SOCK_STREAM, 8080, "a");
  EchoServer server_b(*b_, SOCK_STREAM, 8080, "b");
  ServicePort port = Web({{kPodA, 8080}, {kPodB, 8080}});
  port.affinity_seconds = 60;
  Set(port);
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) seen.insert(Ask(*client_, kNode, 30080));
  EXPECT_EQ(seen.size(), 1U);
  // The backend goes: its clients move on, and nothing of it stays in the kernel.
  bool was_a = seen.begin()->starts_with("a");
  port.backends = {{was_a ? kPodB : kPodA, 8080}};
  port.local_backends = port.backends;
  Set(port);
  EXPECT_EQ(Ask(*client_, kNode, 30080)[0], was_a ? 'b' : 'a');
}

TEST_F(ProxyKernel, SourceRangesOfTheLoadBalancer) {
  EchoServer server(*b_, SOCK_STREAM, 8080, "b");
  ServicePort port = Web({{kPodB, 8080}});
  port.load_balancer_ips = {"198.51.100.9"};
  port.source_ranges = {"192.168.50.0/24"};
  Set(port);
  EXPECT_EQ(Ask(*client_, "198.51.100.9", 80), fmt::format("b {}", kGateway));
  port.source_ranges = {"203.0.113.0/24"};
  Set(port);
  EXPECT_EQ(Ask(*client_, "198.51.100.9", 80, 200), "timeout");
}

TEST_F(ProxyKernel, UdpFlowsLeaveABackendThatIsGone) {
  EchoServer server_a(*a_, SOCK_DGRAM, 5353, "a");
  EchoServer server_b(*b_, SOCK_DGRAM, 5353, "b");
  ServicePort port = Web({{kPodA, 5353}});
  port.protocol = "udp";
  Set(port);
  Fd socket = SocketIn(*client_, SOCK_DGRAM);
  sockaddr_in service = AddressOf(kServiceIp, 80);
  ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&service), sizeof service), 0);
  ::send(socket.get(), "x", 1, 0);
  EXPECT_EQ(Receive(socket, 2000), fmt::format("a {}", kGateway));

  ServicePort now = port;
  now.backends = now.local_backends = {{kPodB, 5353}};
  Set(now);
  StaleFlows stale;
  stale.Note(std::vector{port}, std::vector{now});
  EXPECT_EQ(*kernel_->ForgetUdpFlows([&](const os::Flow& flow) { return stale.Contains(flow); }), 1U);
  ::send(socket.get(), "x", 1, 0);
  EXPECT_EQ(Receive(socket, 2000), fmt::format("b {}", kGateway));
}

TEST_F(ProxyKernel, PodsLeaveTheClusterWithTheNodesAddress) {
  EchoServer outside(*client_, SOCK_STREAM, 8080, "outside");
  EchoServer inside(*b_, SOCK_STREAM, 8080, "b");
  EXPECT_EQ(Ask(*a_, kClient, 8080), fmt::format("outside {}", kPodA));
  config_.masquerade_pods = MasqueradePods::kYes;
  rules_.emplace(config_);
  ASSERT_OK(kernel_->Apply(rules_->Render()));
  EXPECT_EQ(Ask(*a_, kClient, 8080), fmt::format("outside {}", kNode));
  EXPECT_EQ(Ask(*a_, kPodB, 8080), fmt::format("b {}", kPodA));
}

TEST_F(ProxyKernel, RemoveLeavesNothing) {
  auto loopback = [this] {
    std::string value;
    node_->Run([&]() -> Result<void> {
      TRY(value, os::ReadSysctl("net.ipv4.conf.all.route_localnet"));
      return {};
    });
    return value;
  };
  EXPECT_EQ(loopback(), "1");
  EXPECT_TRUE(*kernel_->HasTable(IpFamily::kIpv4));
  ASSERT_OK(RemoveTable(*kernel_, IpFamily::kIpv4));
  ASSERT_OK(RemoveTable(*kernel_, IpFamily::kIpv4));
  EXPECT_FALSE(*kernel_->HasTable(IpFamily::kIpv4));
  EXPECT_EQ(loopback(), "0") << "nothing guards it any more";
}

TEST_F(ProxyKernel, Ipv6RulesAreAccepted) {
  RulesConfig config{.family = IpFamily::kIpv6, .cluster_cidr = "fd00:244::/56", .masquerade_pods = MasqueradePods::kYes};
  RuleSet rules(config);
  ServicePort port = Web({{"fd00:244::2", 8080}, {"fd00:244::3", 8080}});
  port.cluster_ip = "fd00:96::7";
  ServicePort sticky = port;
  sticky.name = "ns/sticky/tcp/http";
  sticky.cluster_ip = "fd00:96::8";
  sticky.node_port = 30081;
  sticky.affinity_seconds = 30;
  rules.Update(
      {{"ns/web", PlanService(std::vector{port}, config)}, {"ns/sticky", PlanService(std::vector{sticky}, config)}});
  EXPECT_OK(kernel_->Apply(rules.Render()));
}

}  // namespace
}  // namespace sampan::proxy
