#include "net/server.h"

#include <gtest/gtest.h>

#include "async/channel.h"
#include "net/detail/test_fixture.h"

namespace sampan::net {
namespace {

constexpr size_t kLimit = 100'000;

Task<void> ServeTest(Request& request, ResponseWriter& writer) {
  Response response;
  response.headers.Add("x-path", request.path);
  if (request.path == "/echo") {
    auto body = co_await request.body->ReadAll(kLimit);
    response.status = body ? 200 : HttpStatusOf(body.error().reason());
    response.body.push_back(Chunk::Copy(body ? *std::move(body) : body.error().message()));
  } else if (request.path == "/who") {
    response.body.push_back(
        Chunk::Copy(request.peer ? request.peer->common_name + "/" + request.peer->organizations.at(0) : "nobody"));
  } else if (request.path == "/large") {
    for (int i = 0; i < 300; ++i) response.body.push_back(Chunk::Copy(std::string(20'000, static_cast<char>('a' + i % 26))));
  } else if (request.path == "/silent") {
    co_return;
  } else if (request.path == "/stream") {
    co_await writer.Start(200, {});
    for (int i = 0; i < 100; ++i) {
      std::vector<Chunk> chunks;
      chunks.push_back(Chunk::Copy(fmt::format("event {}\n", i)));
      auto written = co_await writer.Write(std::move(chunks));
      if (!written) co_return;
    }
    co_await writer.Finish();
    co_return;
  } else if (request.path == "/unfinished") {
    co_await writer.Start(200, {});
    std::vector<Chunk> chunks{Chunk::Static("half")};
    co_await writer.Write(std::move(chunks));
    co_return;
  } else {
    response.body.push_back(Chunk::Static("ok"));
  }
  co_await writer.Respond(std::move(response));
}

class ServerTest : public NetTest {};

class PlainServerTest : public NetTest {
 protected:
  PlainServerTest() { tls_ = false; }
};

TEST_F(ServerTest, AnswersOverTls) {
  Serve(ServeTest);
  EXPECT_EQ(Get("/").body, "ok");
  EXPECT_EQ(Get("/who").body, "admin/system:masters");
  EXPECT_EQ(Get("/a%20b?c").headers.Get("x-path"), "/a%20b");
  EXPECT_EQ(Get("/silent").status, 500);
  EXPECT_EQ(Get("/large").body.size(), 300U * 20'000);
  Answer streamed = Get("/stream");
  EXPECT_TRUE(streamed.body.starts_with("event 0\nevent 1\n") && streamed.body.ends_with("event 99\n"));
  EXPECT_EQ(server_->connections(), 1U) << "one kept-alive connection carried them all";
}

TEST_F(ServerTest, ClientWithoutCertificateIsNobody) {
  Serve(ServeTest);
  client_ = MakeClient(false);
  EXPECT_EQ(Get("/who").body, "nobody");
}

TEST_F(ServerTest, BodiesUpToTheLimit) {
  Serve(ServeTest);
  for (size_t size : {size_t{0}, size_t{1}, size_t{100'000}}) {
    auto answer = Wait(Fetch(client_.get(), {.method = "POST", .target = "/echo", .body = std::string(size, 'b')}));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body.size(), size);
  }
  auto refused = Wait(Fetch(client_.get(), {.method = "POST", .target = "/echo", .body = std::string(100'001, 'b')}));
  ASSERT_TRUE(refused) << refused.error().message();
  EXPECT_EQ(refused->status, 413);
}

TEST_F(ServerTest, BodiesOfAllRequestsTogetherAreBounded) {
  Serve(ServeTest, {.max_buffered_bytes = 200'000});  // on each of two loops half, of which one client has half
  auto refused = Wait(Fetch(client_.get(), {.method = "POST", .target = "/echo", .body = std::string(60'000, 'b')}));
  ASSERT_TRUE(refused) << refused.error().message();
  EXPECT_EQ(refused->status, 429);
  for (int i = 0; i < 5; ++i) {
    auto answer = Wait(Fetch(client_.get(), {.method = "POST", .target = "/echo", .body = std::string(40'000, 'b')}));
    EXPECT_EQ(answer->status, 200) << "what is done no longer counts";
  }
}

TEST_F(ServerTest, UnfinishedStreamIsAnErrorForTheClient) {
  Serve(ServeTest);
  auto answer = Wait(Fetch(client_.get(), {.target = "/unfinished"}));
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().Is(Reason::kServiceUnavailable));
}

TEST_F(ServerTest, CertificatesRotateWithoutARestart) {
  Serve(ServeTest);
  EXPECT_EQ(Get("/").body, "ok");
  WallTime now = std::chrono::system_clock::now();
  auto other = *NewCertificateAuthority("other", now, std::chrono::days(1));
  auto pair = *IssueCertificate(other, {.common_name = "s", .ip_addresses = {"127.0.0.1"}, .not_before = now});
  ASSERT_TRUE(server_->SetTls(
      std::make_shared<TlsServerOptions>(TlsServerOptions{pair.certificate_pem, pair.key_pem, other.certificate_pem})));
  EXPECT_EQ(Get("/").body, "ok") << "the open connection stays";
  auto fresh = MakeClient(false);
  EXPECT_FALSE(Wait(Fetch(fresh.get(), {.target = "/"}))) << "a new one does not trust the new authority";
  EXPECT_FALSE(server_->SetTls(std::make_shared<TlsServerOptions>(TlsServerOptions{"nonsense", "nonsense", ""})));
}

TEST_F(ServerTest, StrangersCertificateEndsTheHandshake) {
  Serve(ServeTest);
  WallTime now = std::chrono::system_clock::now() - std::chrono::hours(1);
  auto other = *NewCertificateAuthority("other", now, std::chrono::days(1));
  auto stranger = *IssueCertificate(other, {.common_name = "admin", .use = CertificateUse::kClient, .not_before = now});
  auto expired = *IssueCertificate(
      TestPki::Get().ca,
      {.common_name = "admin", .use = CertificateUse::kClient, .not_before = now, .valid_for = std::chrono::minutes(1)});
  for (const KeyPair& pair : {stranger, expired}) {
    auto tls = std::make_shared<TlsClientOptions>();
    tls->ca_pem = TestPki::Get().ca.certificate_pem;
    tls->certificate_pem = pair.certificate_pem;
    tls->key_pem = pair.key_pem;
    auto client = NewClient(loops_, {.host = "127.0.0.1", .port = server_->port(), .tls = tls});
    EXPECT_FALSE(Wait(Fetch(client.get(), {.target = "/who"})));
  }
}

TEST_F(PlainServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Serve(ServeTest);
  std::string all;
  for (int i = 0; i < 100; ++i) all += fmt::format("GET /r{} HTTP/1.1\r\nHost: x\r\n\r\n", i);
  all += "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  std::string answers = *Wait(RawExchange(&loops_, server_->port(), all));
  size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = answers.find(fmt::format("x-path: /r{}\r\n", i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(answers.find("x-path: /last", at), std::string::npos);
  EXPECT_NE(answers.find("connection: close", at), std::string::npos);
}

TEST_F(PlainServerTest, BadInputIsAnsweredAndTheConnectionClosed) {
  Serve(ServeTest, {.max_header_bytes = 4096});
  const std::pair<std::string, std::string> kCases[] = {
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x "
       "HTTP/1.1\r\n\r\n",
       "HTTP/1.1 400 "},
      {"GET / HTTP/1.1\nHost: x\n\n", "HTTP/1.1 400 "},
      {"\x16\x03\x01\x02\r\n\r\n", "HTTP/1.1 400 "},
      {"GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(5000, 'a') + "\r\n\r\n", "HTTP/1.1 431 "},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n", "HTTP/1.1 413 "},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n" +
           std::string(100'001, 'a') + "\r\n0\r\n\r\n",
       "HTTP/1.1 413 "},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 "},
      {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 "},
  };
  for (const auto& [sent, expected] : kCases) {
    std::string answer = *Wait(RawExchange(&loops_, server_->port(), sent));
    EXPECT_TRUE(answer.starts_with(expected)) << sent.substr(0, 60) << " -> " << answer;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 9), std::string::npos) << "nothing after the refusal";
  }
}

TEST_F(PlainServerTest, SmallPrintOfHttp1) {
  Serve(ServeTest);
  const std::pair<std::string, std::string> kCases[] = {
      {"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "content-length: 2\r\nconnection: close\r\n\r\n"},
      {"GET / HTTP/1.0\r\n\r\n", "connection: close\r\n\r\nok"},
      {"GET /stream HTTP/1.0\r\n\r\n", "connection: close\r\n\r\nevent 0\n"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
       "\r\n\r\nabc"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", "200 OK"},
      {"\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "\r\n\r\nok"},
  };
  for (const auto& [sent, expected] : kCases) {
    std::string answer = *Wait(RawExchange(&loops_, server_->port(), sent));
    EXPECT_NE(answer.find(expected), std::string::npos) << sent << " -> " << answer;
  }
}

Task<std::string> ContinueFirst(IoLoops* loops, uint16_t port) {
  auto connected = co_await ConnectTcp(*loops, "127.0.0.1", port, std::chrono::seconds(5));
  Stream& stream = **connected;
  co_await stream.Write(
      "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  std::array<char, 256> buffer;
  auto interim = co_await stream.Read(buffer);
  std::string all(buffer.data(), *interim);
  co_await stream.Write("abc");
  while (true) {
    auto length = co_await stream.Read(buffer);
    if (!length || *length == 0) co_return all;
    all.append(buffer.data(), *length);
  }
}

TEST_F(PlainServerTest, ContinueIsSentBeforeTheBodyComes) {
  Serve(ServeTest);
  std::string answer = Wait(ContinueFirst(&loops_, server_->port()));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")) << answer;
}

TEST_F(PlainServerTest, HalfOpenConnectionsTimeOut) {
  Serve(ServeTest, {.body_pace = {.window = std::chrono::milliseconds(100)},
                    .header_timeout = std::chrono::milliseconds(100),
                    .idle_timeout = std::chrono::milliseconds(100)});
  EXPECT_EQ(*Wait(RawExchange(&loops_, server_->port(), "")), "");
  EXPECT_TRUE(Wait(RawExchange(&loops_, server_->port(), "GET / HTTP/1.1\r\nHo"))->starts_with("HTTP/1.1 408 "));
  std::string late =
      *Wait(RawExchange(&loops_, server_->port(), "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"));
  EXPECT_TRUE(late.starts_with("HTTP/1.1 408 ")) << late;
}

TEST_F(ServerTest, AnHttpRequestWithoutTlsIsToldSo) {
  Serve(ServeTest);
  auto answer = Wait(RawExchange(&loops_, server_->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_EQ(answer.value_or("nothing"), "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
}

TEST_F(ServerTest, HandshakesTimeOut) {
  Serve(ServeTest, {.handshake_timeout = std::chrono::milliseconds(100)});
  EXPECT_EQ(Wait(RawExchange(&loops_, server_->port(), "")).value_or(""), "");
}

TEST_F(PlainServerTest, IdleConnectionsBeyondTheLimitMakeRoom) {
  Serve(ServeTest, {.max_connections = 8});
  std::vector<std::unique_ptr<Stream>> idle;
  for (int i = 0; i < 50; ++i) {
    idle.push_back(*Wait(ConnectTcp(loops_, "127.0.0.1", server_->port(), std::chrono::seconds(5))));
    EXPECT_EQ(Get("/").body, "ok") << i;
  }
  EXPECT_LE(server_->connections(), 8U);
}

// A client that sends everything before it reads, as many do, meets an answer that was there before.
Task<Result<std::string>> SendAllThenRead(IoLoops* loops, uint16_t port, size_t length) {
  CO_TRY(auto stream, co_await ConnectTcp(*loops, "127.0.0.1", port, std::chrono::seconds(5)));
  CO_TRY_VOID(co_await stream->Write(fmt::format("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", length)));
  std::string piece(64 * 1024, 'x');
  for (size_t sent = 0; sent < length; sent += piece.size()) {
    CO_TRY_VOID(co_await stream->Write(std::string_view(piece).substr(0, std::min(piece.size(), length - sent))));
  }
  std::array<char, 4096> buffer;
  CO_TRY(size_t got, co_await stream->Read(buffer));
  co_return std::string(buffer.data(), got);
}

TEST_F(PlainServerTest, ARefusalReachesAClientThatIsStillSending) {
  Serve(ServeTest);
  for (size_t length : {size_t{200'000}, size_t{3'200'000}, size_t{64} << 20}) {
    auto answer = Wait(SendAllThenRead(&loops_, server_->port(), length));
    ASSERT_TRUE(answer) << length << ": " << answer.error().message();
    EXPECT_TRUE(answer->starts_with("HTTP/1.1 413 ")) << *answer;
    EXPECT_NE(answer->find("limit is 100000"), std::string::npos) << *answer;
  }
}

// A handler that waits until the client has gone.
struct GoneState {
  Channel<int> events{8};
};
Task<void> WaitGone(GoneState* state, Request& request, ResponseWriter& writer) {
  co_await writer.Start(200, {});
  state->events.TryPush(1);
  Oneshot<bool> gone;
  auto subscription = request.gone.OnCancel([sender = gone.sender()]() mutable { sender.Set(true); });
  co_await gone.Wait();
  state->events.TryPush(2);
}

Task<void> SendAndDrop(Client* client, GoneState* state) {
  {
    auto response = co_await client->Send({.target = "/"});
    EXPECT_TRUE(response.has_value());
    co_await state->events.Pop();
  }
  auto second = co_await state->events.Pop();
  EXPECT_EQ(second, 2);
}

TEST_F(ServerTest, HandlerLearnsThatTheClientWentAway) {
  GoneState state;
  Serve([&state](Request& request, ResponseWriter& writer) { return WaitGone(&state, request, writer); });
  Wait(SendAndDrop(client_.get(), &state));
}

TEST_F(ServerTest, StopCancelsWhatRunsAfterTheGrace) {
  GoneState state;
  Serve([&state](Request& request, ResponseWriter& writer) { return WaitGone(&state, request, writer); });
  auto response = Wait(client_->Send({.target = "/"}, {}));
  ASSERT_TRUE(response);
  Wait(server_->Stop(std::chrono::milliseconds(50)));
  EXPECT_EQ(state.events.size(), 2U);
  EXPECT_FALSE(Wait(Fetch(client_.get(), {.target = "/"})));
}

Task<void> EchoUpgrade(Request& request, ResponseWriter& writer) {
  Headers headers;
  headers.Add("upgrade", "echo");
  auto stream = co_await writer.Upgrade(std::move(headers));
  if (!stream) co_return;
  std::array<char, 1024> buffer;
  while (true) {
    auto length = co_await (*stream)->Read(buffer);
    if (!length || *length == 0) break;
    co_await (*stream)->Write({buffer.data(), *length});
  }
  co_await (*stream)->CloseWrite();
}

Task<Result<std::string>> TalkUpgraded(Client* client) {
  ClientRequest request;
  request.headers.Add("upgrade", "echo");
  CO_TRY(Client::Upgraded upgraded, co_await client->Upgrade(std::move(request)));
  CO_TRY_VOID(co_await upgraded.stream->Write(std::string(100'000, 'u')));
  co_await upgraded.stream->CloseWrite();
  std::string all;
  std::array<char, 4096> buffer;
  while (true) {
    CO_TRY(size_t length, co_await upgraded.stream->Read(buffer));
    if (length == 0) co_return all;
    all.append(buffer.data(), length);
  }
}

TEST_F(ServerTest, UpgradeHandsTheConnectionOver) {
  Serve(EchoUpgrade);
  auto echoed = Wait(TalkUpgraded(client_.get()));
  ASSERT_TRUE(echoed) << echoed.error().message();
  EXPECT_EQ(echoed->size(), 100'000U);
}

TEST_F(ServerTest, RefusedUpgradeIsAnErrorWithTheBody) {
  Serve(ServeTest);
  auto refused = Wait(client_->Upgrade({.target = "/silent"}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(HttpStatusOf(refused.error().reason()), 500);
}

TEST_F(ServerTest, PortInUseIsSaid) {
  Serve(ServeTest);
  auto second = Listen(loops_, {.address = "127.0.0.1", .port = server_->port()}, ServeTest);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(), fmt::format("cannot listen on 127.0.0.1:{}: Address already in use", server_->port()));
}

TEST(ConnectTcp, RefusedAndUnknown) {
  IoLoops loops(1);
  EXPECT_FALSE(SyncWait(loops.at(0), ConnectTcp(loops, "127.0.0.1", 1, std::chrono::seconds(2))));
  EXPECT_FALSE(SyncWait(loops.at(0), ConnectTcp(loops, "unix:/nonexistent", 0, std::chrono::seconds(2))));
}

}  // namespace
}  // namespace sampan::net
