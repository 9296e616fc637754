#include "dns/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "async/pool.h"
#include "async/spawn.h"
#include "dns/listeners.h"
#include "dns/testing.h"

namespace sampan::dns {
namespace {

using namespace std::chrono_literals;

os::Fd Connect(int type, uint16_t port) {
  os::Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  Upstream to = *Upstream::Parse(fmt::format("127.0.0.1:{}", port));
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&to.address), to.length), 0);
  return socket;
}

std::string Receive(const os::Fd& socket) {
  pollfd ready{socket.get(), POLLIN, 0};
  if (::poll(&ready, 1, 5000) <= 0) return "";
  std::string buffer(65536, '\0');
  ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  buffer.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return buffer;
}

// Answers A queries for anything below example.com with 192.0.2.1, everything else with NXDOMAIN, on UDP and TCP.
class FakeUpstream {
 public:
  FakeUpstream() : sockets_(*BindBoth("127.0.0.1", 0)) {
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeUpstream() {
    stopping_ = true;
    thread_.join();
  }
  std::string address() const { return fmt::format("127.0.0.1:{}", sockets_.port); }
  int queries() const { return queries_; }
  int answers = 1;  // to each query

 private:
  void Serve() {
    while (!stopping_) {
      pollfd ready[2] = {{sockets_.udp.get(), POLLIN, 0}, {sockets_.tcp.get(), POLLIN, 0}};
      if (::poll(ready, 2, 10) <= 0) continue;
      if (ready[0].revents != 0) ServeUdp();
      if (ready[1].revents != 0) ServeTcp();
    }
  }
  void ServeUdp() {
    std::string message(2000, '\0');
    sockaddr_storage peer = {};
    socklen_t length = sizeof peer;
    ssize_t got =
        ::recvfrom(sockets_.udp.get(), message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&peer), &length);
    if (got <= 0) return;
    message.resize(static_cast<size_t>(got));
    std::string response = Respond(message, 1232);
    ::sendto(sockets_.udp.get(), response.data(), response.size(), 0, reinterpret_cast<sockaddr*>(&peer), length);
  }
  void ServeTcp() {
    os::Fd connection(::accept(sockets_.tcp.get(), nullptr, nullptr));
    std::string message = Receive(connection);
    if (message.size() < 2) return;
    std::string response = Respond(message.substr(2), kMaxMessageSize);
    response.insert(0, {static_cast<char>(response.size() >> 8), static_cast<char>(response.size())});
    (void)!::send(connection.get(), response.data(), response.size(), MSG_NOSIGNAL);
  }
  std::string Respond(const std::string& message, size_t room) {
    ++queries_;
    Query query;
    ParseQuery(BytesOf(message), query);
    std::vector<uint8_t> buffer(room);
    ResponseWriter writer(buffer, query);
    bool known = query.name().ends_with("example.com");
    for (int i = 0; known && query.type == Type::kA && i < answers; ++i) {
      writer.AddAddress(ResponseWriter::Section::kAnswer, {}, 60, *IpAddress::Parse("192.0.2.1"));
    }
    size_t size = writer.Finish(known ? Rcode::kNoError : Rcode::kNxDomain, ResponseWriter::Authority::kNo);
    return std::string(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size));
  }

  SocketPair sockets_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> queries_{0};
  std::thread thread_;
};

class DnsServer : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> upstreams, Duration attempt_timeout = 10s) {
    {
      auto zone = zone_.Lock();
      zone->AddNamespace("default");
      zone->SetService("default", "web", {.cluster_ips = {*IpAddress::Parse("10.96.0.7")}});
      zone->SetService("default", "out", {.external_name = "www.example.com"});
      zone->SetService("default", "in", {.external_name = "web.default.svc.cluster.local"});
      zone->SetService("default", "loop", {.external_name = "loop.default.svc.cluster.local"});
      ServiceRecord many;
      for (int i = 0; i < 200; ++i)
        many.endpoints.push_back({fmt::format("m-{}", i), *IpAddress::Parse(fmt::format("10.0.0.{}", i)), {}});
      zone->SetService("default", "many", std::move(many));
    }
    ServerOptions options{.port = 0};
    options.forwarder.upstreams = std::move(upstreams);
    options.forwarder.attempt_timeout = attempt_timeout;
    server_ = *Listen(loops_.at(0), zone_, *clock_, *rng_, std::move(options));
  }
  void TearDown() override {
    if (server_) SyncWait(*pool_, server_->Stop());
  }

  std::string AskUdp(std::string_view name, Type type = Type::kA) {
    os::Fd socket = Connect(SOCK_DGRAM, server_->port());
    std::string message = *WriteQuery(77, name, type);
    ::send(socket.get(), message.data(), message.size(), 0);
    std::string response = Receive(socket);
    return response.empty() ? "nothing" : Describe(BytesOf(response));
  }
  std::string AskTcp(std::string_view name, Type type = Type::kA) {
    os::Fd socket = Connect(SOCK_STREAM, server_->port());
    std::string message = *WriteQuery(77, name, type);
    message.insert(0, {static_cast<char>(message.size() >> 8), static_cast<char>(message.size())});
    ::send(socket.get(), message.data(), message.size(), MSG_NOSIGNAL);
    std::string response = Receive(socket);
    size_t length = response.size() < 2 ? 0 : static_cast<uint8_t>(response[0]) << 8 | static_cast<uint8_t>(response[1]);
    while (response.size() < length + 2) {
      std::string more = Receive(socket);
      if (more.empty()) break;
      response += more;
    }
    return response.size() < 2 ? "nothing" : Describe(BytesOf(response.substr(2)));
  }

  std::unique_ptr<Executor> pool_ = NewThreadPool("test", 1);
  std::unique_ptr<Clock> clock_ = NewSystemClock();
  std::unique_ptr<Rng> rng_ = NewSeededRng(1);
  IoLoops loops_{1, "dns"};
  Guarded<Zone> zone_{ZoneOptions{}};
  std::unique_ptr<Server> server_;
};

TEST_F(DnsServer, AnswersTheClustersNames) {
  Start({});
  EXPECT_EQ(AskUdp("web.default.svc.cluster.local"), "NOERROR web.default.svc.cluster.local A 10.96.0.7");
  EXPECT_EQ(AskTcp("web.default.svc.cluster.local"), "NOERROR web.default.svc.cluster.local A 10.96.0.7");
}

TEST_F(DnsServer, LongAnswersComeByTcp) {
  Start({});
  EXPECT_TRUE(AskUdp("many.default.svc.cluster.local").starts_with("NOERROR TC"));
  std::string whole = AskTcp("many.default.svc.cluster.local");
  EXPECT_TRUE(whole.starts_with("NOERROR many"));
  EXPECT_NE(whole.find("10.0.0.199"), whole.npos);
}

TEST_F(DnsServer, ForwardsOtherNamesAndRemembersThem) {
  FakeUpstream upstream;
  Start({upstream.address()});
  EXPECT_EQ(AskUdp("www.example.com"), "NOERROR www.example.com A 192.0.2.1");
  EXPECT_EQ(AskUdp("www.example.com"), "NOERROR www.example.com A 192.0.2.1");
  EXPECT_EQ(upstream.queries(), 1);
  EXPECT_EQ(AskTcp("ftp.example.com"), "NOERROR ftp.example.com A 192.0.2.1");
  EXPECT_EQ(AskUdp("www.example.org"), "NXDOMAIN");
  EXPECT_EQ(server_->stats().cached.load(), 1U);
}

TEST_F(DnsServer, FailsOverToTheNextUpstream) {
  os::Fd silent = *BindSocket("127.0.0.1", 0, SOCK_DGRAM);
  FakeUpstream upstream;
  Start({fmt::format("127.0.0.1:{}", PortOf(silent)), upstream.address()}, 100ms);
  EXPECT_EQ(AskUdp("www.example.com"), "NOERROR www.example.com A 192.0.2.1");
}

TEST_F(DnsServer, WithoutUpstreamsOtherNamesFail) {
  Start({"127.0.0.1:1"});
  EXPECT_EQ(AskUdp("www.example.com"), "SERVFAIL");
}

TEST_F(DnsServer, ExternalNamesComeWithTheirAddresses) {
  FakeUpstream upstream;
  Start({upstream.address()});
  EXPECT_EQ(AskUdp("out.default.svc.cluster.local"),
            "NOERROR out.default.svc.cluster.local CNAME www.example.com www.example.com A 192.0.2.1");
  EXPECT_EQ(AskUdp("in.default.svc.cluster.local"),
            "NOERROR in.default.svc.cluster.local CNAME web.default.svc.cluster.local web.default.svc.cluster.local A "
            "10.96.0.7");
  EXPECT_TRUE(AskUdp("loop.default.svc.cluster.local").starts_with("SERVFAIL")) << "aliases that go in circles end";
}

TEST_F(DnsServer, ZonesHaveTheirOwnResolvers) {
  FakeUpstream usual, corp, deep, other;
  Start({usual.address()});
  EXPECT_EQ(AskUdp("a.example.com"), "NOERROR a.example.com A 192.0.2.1");
  server_->SetForwards({{"example.com", {corp.address()}}, {"deep.example.com", {deep.address()}}});
  while (corp.queries() == 0) AskUdp("a.example.com");  // in force a moment later; then nothing is cached
  AskUdp("example.com");
  AskUdp("a.deep.example.com");
  AskUdp("an-example.com");
  EXPECT_EQ(usual.queries(), 2);
  EXPECT_EQ(corp.queries(), 2);
  EXPECT_EQ(deep.queries(), 1);
  server_->SetForwards({{"", {other.address()}}, {"example.com", {}}});
  while (other.queries() == 0) AskUdp("www.example.org");
  int before = usual.queries();
  AskUdp("b.example.com");
  EXPECT_EQ(usual.queries(), before + 1) << "no resolvers: those of the host";
}

TEST_F(DnsServer, OneQuestionIsAskedOnceAtATime) {
  os::Fd silent = *BindSocket("127.0.0.1", 0, SOCK_DGRAM);
  Start({fmt::format("127.0.0.1:{}", PortOf(silent))});
  std::vector<os::Fd> clients;
  for (const char* name : {"www.example.com", "WWW.example.com", "www.example.com"}) {
    clients.push_back(Connect(SOCK_DGRAM, server_->port()));
    std::string message = *WriteQuery(static_cast<uint16_t>(clients.size()), name, Type::kA);
    ::send(clients.back().get(), message.data(), message.size(), 0);
  }
  while (server_->stats().queries < 3) std::this_thread::yield();
  std::string asked(2000, '\0');
  sockaddr_storage from = {};
  socklen_t length = sizeof from;
  ssize_t got = ::recvfrom(silent.get(), asked.data(), asked.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
  ASSERT_GT(got, 0);
  asked.resize(static_cast<size_t>(got));
  Query query;
  ParseQuery(BytesOf(asked), query);
  std::array<uint8_t, 512> answer;
  ResponseWriter writer(answer, query);
  writer.AddAddress(ResponseWriter::Section::kAnswer, {}, 60, *IpAddress::Parse("192.0.2.1"));
  size_t size = writer.Finish(Rcode::kNoError, ResponseWriter::Authority::kNo);
  ::sendto(silent.get(), answer.data(), size, 0, reinterpret_cast<sockaddr*>(&from), length);
  for (size_t i = 0; i < clients.size(); ++i) {
    std::string response = Receive(clients[i]);
    EXPECT_EQ(Describe(BytesOf(response)), "NOERROR www.example.com A 192.0.2.1");
    EXPECT_EQ(ResponseView::Parse(BytesOf(response))->id(), i + 1);
    EXPECT_EQ(response[kHeaderSize + 1], i == 1 ? 'W' : 'w') << "each in its own letters";
  }
  EXPECT_EQ(server_->stats().forwarded.load(), 1U);
}

TEST_F(DnsServer, OneClientHasItsShareOfConnections) {
  Start({});
  std::vector<os::Fd> held;
  for (size_t i = 0; i < ServerOptions().max_connections_per_client; ++i)
    held.push_back(Connect(SOCK_STREAM, server_->port()));
  EXPECT_EQ(AskTcp("web.default.svc.cluster.local"), "nothing") << "closed at once";
  held.clear();
  std::string answer;
  while (!answer.starts_with("NOERROR")) answer = AskTcp("web.default.svc.cluster.local");
  EXPECT_EQ(answer, "NOERROR web.default.svc.cluster.local A 10.96.0.7");
}

TEST_F(DnsServer, MalformedQueriesAreToldSo) {
  Start({});
  os::Fd socket = Connect(SOCK_DGRAM, server_->port());
  std::string message(12, '\0');
  ::send(socket.get(), message.data(), message.size(), 0);
  EXPECT_EQ(Describe(BytesOf(Receive(socket))), "FORMERR");
}

TEST_F(DnsServer, OneClientHasAShareOfTheQueriesThatWait) {
  constexpr int kShare = 500;
  SocketPair silent = *BindBoth("127.0.0.1", 0);
  Start({fmt::format("127.0.0.1:{}", silent.port)}, 600s);
  os::Fd greedy = Connect(SOCK_DGRAM, server_->port());
  for (int i = 0; i <= kShare; ++i) {
    std::string message = *WriteQuery(77, fmt::format("n{}.example.org", i), Type::kA);
    ::send(greedy.get(), message.data(), message.size(), 0);
  }
  EXPECT_EQ(Describe(BytesOf(Receive(greedy))), "SERVFAIL");
  EXPECT_EQ(server_->stats().forwarded.load(), static_cast<uint64_t>(kShare));

  os::Fd modest(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Upstream from = *Upstream::Parse("127.0.0.2:0"), to = *Upstream::Parse(fmt::format("127.0.0.1:{}", server_->port()));
  ASSERT_EQ(::bind(modest.get(), reinterpret_cast<sockaddr*>(&from.address), from.length), 0);
  ASSERT_EQ(::connect(modest.get(), reinterpret_cast<sockaddr*>(&to.address), to.length), 0);
  std::string message = *WriteQuery(77, "other.example.org", Type::kA);
  ::send(modest.get(), message.data(), message.size(), 0);
  while (server_->stats().forwarded.load() < kShare + 1) std::this_thread::yield();
  EXPECT_EQ(server_->stats().failed.load(), 1U);
}

}  // namespace
}  // namespace sampan::dns
