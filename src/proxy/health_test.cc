#include "proxy/health.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "async/io_loop.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "net/client.h"
#include "os/fd.h"

namespace sampan::proxy {
namespace {

// A port that is likely to be free for TCP: nobody has it for UDP.
uint16_t AnyPort() {
  os::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in any = {};
  any.sin_family = AF_INET;
  socklen_t length = sizeof any;
  ::bind(socket.get(), reinterpret_cast<sockaddr*>(&any), length);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&any), &length);
  return ntohs(any.sin_port);
}

class HealthPortsTest : public ::testing::Test {
 protected:
  void TearDown() override { SyncWait(*pool_, ports_->Stop()); }

  void Set(size_t endpoints, ProxyHealth proxy) {
    SyncWait(*pool_, ports_->Set({{port_, {"ns", "web", endpoints}}}, proxy));
  }
  // "200 3": the status and the weight.
  std::string Ask() {
    auto client = net::NewClient(loops_, {.host = "127.0.0.1", .port = port_});
    auto response = SyncWait(*pool_, client->Send({.target = "/healthz"}));
    if (!response) return "no answer";
    return fmt::format("{} {}", (*response)->status(), (*response)->headers().Get("x-load-balancing-endpoint-weight"));
  }

  IoLoops loops_{1, "test"};
  std::unique_ptr<Executor> pool_ = NewThreadPool("test", 1);
  std::unique_ptr<HealthPorts> ports_ = NewHealthPorts(loops_);
  uint16_t port_ = 0;
};

TEST_F(HealthPortsTest, AnswersWithTheNumberOfEndpoints) {
  while (!ports_->Listening(port_)) {
    port_ = AnyPort();
    Set(3, ProxyHealth::kWorking);
  }
  EXPECT_EQ(Ask(), "200 3");
  Set(0, ProxyHealth::kWorking);
  EXPECT_EQ(Ask(), "503 0");
  Set(3, ProxyHealth::kFailing);
  EXPECT_EQ(Ask(), "503 3");
  SyncWait(*pool_, ports_->Set({}, ProxyHealth::kWorking));
  EXPECT_FALSE(ports_->Listening(port_));
}

TEST(HealthTextTest, HasTheFormOfKubeProxy) {
  EXPECT_EQ(HealthText({"ns", "web", 2}, ProxyHealth::kWorking),
            "{\n\t\"service\": {\n\t\t\"namespace\": \"ns\",\n\t\t\"name\": \"web\"\n\t},\n\t\"localEndpoints\": 2,\n"
            "\t\"serviceProxyHealthy\": true\n}");
}

}  // namespace
}  // namespace sampan::proxy
