// What one connection suffers is no other's: connections that share a thread share OpenSSL's queue of errors and buffers.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/detail/socket.h"
#include "net/detail/test_fixture.h"
#include "net/detail/tls.h"

namespace sampan::net {
namespace {

Task<void> ServeFaults(Request& request, ResponseWriter& writer) {
  if (request.path == "/throw") throw std::runtime_error("a handler's fault");
  Response response;
  size_t length = request.path == "/large" ? 8'000'000 : 2;
  response.body.push_back(Chunk::Copy(std::string(length, 'o')));
  co_await writer.Respond(std::move(response));
}

// As a token or a certificate that does not verify does.
Task<void> LeaveErrors() {
  ERR_raise(ERR_LIB_RSA, ERR_R_PASSED_INVALID_ARGUMENT);
  co_return;
}

// A blocking TLS connection that can misbehave.
class RawTls {
 public:
  explicit RawTls(uint16_t port) : context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get())) {
    signal(SIGPIPE, SIG_IGN);  // the server may close what is written to
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bool connected = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    SSL_set_fd(ssl_.get(), fd_);
    EXPECT_TRUE(connected && SSL_connect(ssl_.get()) == 1);
  }
  ~RawTls() { Close(); }

  void Send(std::string_view text) { SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }
  void SendRaw(std::string_view bytes) {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
  }
  void Reset() {
    linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    Close();
  }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  // Whether a request is answered whose first half the server has to wait behind.
  bool Ask() {
    Send("GET / HTTP/1.1\r\n");
    Send("Host: x\r\n\r\n");
    std::string answer(4096, '\0');
    int length = SSL_read(ssl_.get(), answer.data(), static_cast<int>(answer.size()));
    return length > 0 && answer.starts_with("HTTP/1.1 200 ");
  }
  // Until the server closes.
  void AwaitEnd() {
    std::array<char, 4096> buffer;
    while (recv(fd_, buffer.data(), buffer.size(), 0) > 0) {
    }
  }

 private:
  detail::OpensslPtr<SSL_CTX, SSL_CTX_free> context_;
  detail::SslPtr ssl_;
  int fd_ = -1;
};

constexpr std::string_view kBadRecord("\x17\x03\x03\x00\x20garbage that no key has sealed..", 37);

class InnocentTest : public NetTest {
 protected:
  // One loop serves them all; the clients have one of their own.
  void Start() {
    const TestPki& pki = TestPki::Get();
    ServerOptions options{.address = "127.0.0.1"};
    options.tls = std::make_shared<TlsServerOptions>(
        TlsServerOptions{pki.server.certificate_pem, pki.server.key_pem, pki.ca.certificate_pem});
    server_ = *Listen(one_loop_, std::move(options), ServeFaults);
    client_ = MakeClient(false);
    EXPECT_EQ(Get("/").status, 200);
    EXPECT_EQ(server_->connections(), 1U);
  }
  void ExpectUnharmed(const char* after) {
    EXPECT_EQ(Get("/").status, 200) << after;
    EXPECT_EQ(Get("/large").body.size(), 8'000'000U) << after;
  }
  ~InnocentTest() override { server_.reset(); }

  IoLoops one_loop_{1};
};

TEST_F(InnocentTest, OthersFailuresCloseNoConnection) {
  Start();
  // It waits in a read while the others fail, each in its way.
  RawTls waiting(server_->port());
  struct Fault {
    const char* name;
    void (*act)(RawTls&);
  };
  const Fault kFaults[] = {
      {"a bad record", [](RawTls& tls) { tls.SendRaw(kBadRecord), tls.AwaitEnd(); }},
      {"no TLS at all", [](RawTls& tls) { tls.SendRaw(std::string(64, '\x7f')), tls.AwaitEnd(); }},
      {"a close without notice", [](RawTls& tls) { tls.Close(); }},
      {"a reset in an answer", [](RawTls& tls) { tls.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"), tls.Reset(); }},
      {"half a record", [](RawTls& tls) { tls.SendRaw(kBadRecord.substr(0, 20)), tls.Reset(); }},
      {"a handler that throws", [](RawTls& tls) { tls.Send("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n"), tls.AwaitEnd(); }},
  };
  for (const Fault& fault : kFaults) {
    RawTls faulty(server_->port());
    fault.act(faulty);
    EXPECT_TRUE(waiting.Ask()) << fault.name;
    ExpectUnharmed(fault.name);
  }
  EXPECT_EQ(server_->connections(), 2U) << "the client's and the one that waits";
}

TEST_F(InnocentTest, ErrorsThatOthersLeaveInTheThreadAreNotTheirs) {
  Start();
  RawTls waiting(server_->port());
  EXPECT_TRUE(waiting.Ask());
  for (int i = 0; i < 3; ++i) {
    SyncWait(one_loop_.at(0), LeaveErrors());
    EXPECT_TRUE(waiting.Ask()) << i;
  }
}

TEST_F(InnocentTest, AThrowingHandlerIsAnswered) {
  Start();
  EXPECT_EQ(Get("/throw").status, 500);
  ExpectUnharmed("a handler that throws");
}

}  // namespace
}  // namespace sampan::net
