#include "net/grpc_call.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "async/io_loop.h"
#include "async/spawn.h"

namespace sampan::net {
namespace {

std::string Frame(char type, char flags, std::string_view payload, char stream = 1) {
  std::string out{0, 0, static_cast<char>(payload.size()), type, flags, 0, 0, 0, stream};
  return out.append(payload);
}
std::string Field(std::string_view name, std::string_view value) {  // a literal header field, as HPACK writes it
  std::string out{0, static_cast<char>(name.size())};
  out.append(name) += static_cast<char>(value.size());
  return out.append(value);
}

const std::string kSettings = Frame(4, 0, "", 0);
const std::string kOk = Frame(1, 4, "\x88");  // HEADERS with :status 200

// A server of one connection that sends `answer` once it has read a request, and keeps what it read.
class OneShotServer {
 public:
  explicit OneShotServer(std::string answer) : answer_(std::move(answer)), fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(fd_, 1);
    socklen_t size = sizeof(address);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneShotServer() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  uint16_t port() const { return port_; }
  std::string received() {
    shutdown(fd_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([] {});
    return received_;
  }

 private:
  void Serve() {
    int peer = accept(fd_, nullptr, nullptr);
    if (peer < 0) return;
    char buffer[4096];
    ssize_t length = 0;
    bool answered = false;
    while ((length = read(peer, buffer, sizeof(buffer))) > 0) {
      received_.append(buffer, static_cast<size_t>(length));
      if (answered || received_.find("ask") == std::string::npos) continue;
      answered = true;
      if (answer_.empty()) break;
      if (write(peer, answer_.data(), answer_.size()) < 0) break;
    }
    close(peer);
  }

  std::string answer_, received_;
  int fd_;
  uint16_t port_ = 0;
  std::thread thread_;
};

class GrpcCallTest : public ::testing::Test {
 protected:
  Result<GrpcAnswer> Call(uint16_t port, Duration timeout = std::chrono::seconds(20)) {
    GrpcCall call{.host = "127.0.0.1", .port = port, .method = "/pkg.Service/Method", .message = "ask", .timeout = timeout};
    return SyncWait(loops_.at(0), CallGrpc(loops_, std::move(call)));
  }
  IoLoops loops_{1};
};

TEST_F(GrpcCallTest, AnswersCarryTheMessageAndTheStatus) {
  OneShotServer server(kSettings + kOk + Frame(0, 0, std::string_view("\0\0\0\0\2hi", 7)) +
                       Frame(1, 5, Field("grpc-status", "0")));
  auto answer = Call(server.port());
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->status, 0);
  EXPECT_EQ(answer->message, "hi");
  EXPECT_NE(server.received().find(std::string_view("\0\0\0\0\3ask", 8)), std::string::npos);
}

TEST_F(GrpcCallTest, AStatusAloneIsAnAnswer) {
  OneShotServer server(kSettings +
                       Frame(1, 5, "\x88" + Field("grpc-status", "12") + Field("grpc-message", "no%20such%20method")));
  auto answer = Call(server.port());
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->status, 12);
  EXPECT_EQ(answer->status_message, "no such method");
}

TEST_F(GrpcCallTest, WhatIsNoGrpcServerIsAnError) {
  {
    OneShotServer server("HTTP/1.1 400 Bad Request\r\n\r\n");
    EXPECT_EQ(Call(server.port()).error().reason(), Reason::kServiceUnavailable);
  }
  OneShotServer closing("");
  EXPECT_EQ(Call(closing.port()).error().reason(), Reason::kServiceUnavailable);
  EXPECT_EQ(Call(1).error().reason(), Reason::kServiceUnavailable);
}

TEST_F(GrpcCallTest, ASilentServerTimesOut) {
  OneShotServer server(kSettings);
  EXPECT_EQ(Call(server.port(), std::chrono::milliseconds(50)).error().reason(), Reason::kTimeout);
}

}  // namespace
}  // namespace sampan::net
