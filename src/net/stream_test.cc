// WebSocket, SPDY and the relay between them, over loopback.
#include <gtest/gtest.h>

#include "net/detail/spdy_frame.h"
#include "net/detail/test_fixture.h"
#include "net/relay.h"
#include "net/spdy.h"
#include "net/websocket.h"

namespace sampan::net {
namespace {

Task<Result<std::string>> ReadToEnd(Stream* stream) {
  std::string all;
  std::array<char, 4096> buffer;
  while (true) {
    CO_TRY(size_t length, co_await stream->Read(buffer));
    if (length == 0) co_return all;
    all.append(buffer.data(), length);
  }
}

class StreamTest : public NetTest {};

Task<void> EchoMessages(Request& request, ResponseWriter& writer) {
  auto socket = co_await AcceptWebSocket(request, writer, {.max_message_bytes = 1 << 20, .protocols = {"b", "a"}});
  if (!socket) co_return;
  co_await (*socket)->Ping();
  while (true) {
    auto message = co_await (*socket)->Receive();
    if (!message || !*message) co_return;
    co_await (*socket)->Send((*message)->kind, (*message)->data);
  }
}

Task<Result<std::string>> TalkWebSocket(Client* client, std::vector<std::string> protocols, size_t size) {
  CO_TRY(auto socket, co_await ConnectWebSocket(*client, {.target = "/"}, {.protocols = std::move(protocols)}));
  CO_TRY_VOID(co_await socket->Send(WsKind::kText, "hello"));
  CO_TRY(auto first, co_await socket->Receive());
  CO_TRY_VOID(co_await socket->Send(WsKind::kBinary, std::string(size, 'b')));
  auto second = co_await socket->Receive();
  if (!second) co_return Fail(std::move(second).error());
  if (!*second) co_return std::string("closed");
  co_await socket->Close(1000, "bye");
  CO_TRY(auto end, co_await socket->Receive());
  co_return fmt::format("{} {} {} {}", socket->protocol(), first->data, (*second)->data.size(), end ? "more" : "end");
}

TEST_F(StreamTest, WebSocketEchoes) {
  Serve(EchoMessages);
  EXPECT_EQ(Wait(TalkWebSocket(client_.get(), {"a", "b"}, 100'000)).value_or("failed"), "a hello 100000 end");
  EXPECT_EQ(Wait(TalkWebSocket(client_.get(), {"a"}, 2 << 20)).value_or("closed"), "closed") << "too big";
  EXPECT_FALSE(Wait(TalkWebSocket(client_.get(), {"c"}, 1))) << "no common protocol";
}

// Sends back what each stream carries, in capitals, and its header "name" first.
Task<void> EchoStream(std::unique_ptr<SpdyStream> stream) {
  std::string name = std::string(stream->headers().Get("name")) + ":";
  co_await stream->Write(name);
  std::array<char, 4096> buffer;
  while (true) {
    auto length = co_await stream->Read(buffer);
    if (!length || *length == 0) break;
    co_await stream->Write({buffer.data(), *length});
  }
  co_await stream->CloseWrite();
}

Task<void> EchoSession(Request& request, ResponseWriter& writer) {
  Headers headers;
  headers.Add("upgrade", "SPDY/3.1");
  auto upgraded = co_await writer.Upgrade(std::move(headers));
  if (!upgraded) co_return;
  Executor& executor = co_await ThisExecutor();
  Gate gate;
  auto session = NewSpdySession(executor, *std::move(upgraded), SpdySide::kServer, {.receive_window = 10'000});
  while (true) {
    auto stream = co_await session->Accept();
    if (!stream) break;
    Spawn(executor, gate, EchoStream(*std::move(stream)));
  }
  co_await gate.Close();
}

Task<bool> WriteAndEnd(SpdyStream* stream, std::string text) {
  auto written = co_await stream->Write(text);
  co_await stream->CloseWrite();
  co_return written.has_value();
}

Task<bool> CountBytes(SpdyStream* stream, size_t* count) {
  auto all = co_await ReadToEnd(stream);
  *count = all ? all->size() : 0;
  co_return all.has_value();
}

Task<Result<std::unique_ptr<SpdySession>>> OpenSession(Client* client) {
  ClientRequest request{.method = "POST"};
  request.headers.Add("upgrade", "SPDY/3.1");
  CO_TRY(Client::Upgraded upgraded, co_await client->Upgrade(std::move(request)));
  Executor& executor = co_await ThisExecutor();
  co_return NewSpdySession(executor, std::move(upgraded.stream), SpdySide::kClient);
}

Task<Result<size_t>> ManyStreams(Client* client, size_t streams, size_t size) {
  CO_TRY(auto session, co_await OpenSession(client));
  CO_TRY_VOID(co_await session->Ping());
  std::vector<std::unique_ptr<SpdyStream>> open;
  std::vector<size_t> counts(streams);
  std::vector<Task<bool>> work;
  for (size_t i = 0; i < streams; ++i) {
    Headers headers;
    headers.Add("name", "s");
    CO_TRY(auto stream, co_await session->Open(std::move(headers)));
    open.push_back(std::move(stream));
    work.push_back(WriteAndEnd(open.back().get(), std::string(size, 'x')));
    work.push_back(CountBytes(open.back().get(), &counts[i]));
  }
  co_await WhenAll(std::move(work));
  size_t total = 0;
  for (size_t count : counts) total += count;
  co_await session->Close();
  co_return total;
}

TEST_F(StreamTest, SpdyCarriesManyStreamsThroughSmallWindows) {
  Serve(EchoSession);
  EXPECT_EQ(Wait(ManyStreams(client_.get(), 1, 0)).value_or(0), 2U);
  EXPECT_EQ(Wait(ManyStreams(client_.get(), 20, 300'000)).value_or(0), 20 * 300'002U);
}

Task<std::string> ResetOne(Client* client) {
  auto session = co_await OpenSession(client);
  auto first = co_await (*session)->Open({});
  auto second = co_await (*session)->Open({});
  (*first)->Reset();
  auto broken = co_await (*first)->Write("x");
  co_await (*second)->Write("y");
  co_await (*second)->CloseWrite();
  auto all = co_await ReadToEnd(second->get());
  co_await (*session)->Close();
  auto after = co_await (*session)->Open({});
  co_return fmt::format("{} {} {}", broken.has_value(), all.value_or("failed"), after.has_value());
}

TEST_F(StreamTest, SpdyResetEndsOneStreamOnly) {
  Serve(EchoSession);
  EXPECT_EQ(Wait(ResetOne(client_.get())), "false :y false");
}

// A peer that knows no windows: answers each stream with a megabyte at once, and counts the windows it is told of.
Task<void> ServeWithoutWindows(std::atomic<int>* updates, Request& request, ResponseWriter& writer) {
  Headers headers;
  headers.Add("upgrade", "SPDY/3.1");
  auto upgraded = co_await writer.Upgrade(std::move(headers));
  if (!upgraded) co_return;
  detail::SpdyReader reader(1 << 20, 1 << 16);
  detail::HeaderDeflater deflater;
  std::array<char, 4096> buffer;
  while (true) {
    auto length = co_await (*upgraded)->Read(buffer);
    if (!length || *length == 0) co_return;
    reader.Feed({buffer.data(), *length});
    for (detail::SpdyFrame frame; reader.Next(frame) == detail::ParseState::kDone;) {
      if (frame.type == detail::SpdyType::kWindowUpdate && frame.stream != 0) ++*updates;
      if (frame.type != detail::SpdyType::kSynStream) continue;
      std::string block = deflater.Deflate({});
      co_await (*upgraded)->Write(detail::EncodeHeaderFrame(detail::SpdyType::kSynReply, frame.stream, 0, block));
      for (int i = 0; i < 32; ++i) {
        std::string data = detail::EncodeDataHead(frame.stream, i == 31 ? detail::kSpdyFin : 0, 32 * 1024);
        data.append(32 * 1024, 'x');
        co_await (*upgraded)->Write(data);
      }
    }
  }
}

Task<size_t> ReadOne(Client* client) {
  auto session = co_await OpenSession(client);
  auto stream = co_await (*session)->Open({});
  auto all = co_await ReadToEnd(stream->get());
  co_await (*stream)->CloseWrite();
  co_await (*session)->Close();
  co_return all ? all->size() : 0;
}

// What such a peer has not read when it closes makes its kernel drop what it sent last.
TEST_F(StreamTest, SpdyTellsNothingOfWindowsToAPeerThatKnowsNone) {
  std::atomic<int> updates = 0;
  Serve([&updates](Request& request, ResponseWriter& writer) { return ServeWithoutWindows(&updates, request, writer); });
  EXPECT_EQ(Wait(ReadOne(client_.get())), 1024U * 1024);
  Wait(server_->Stop(std::chrono::seconds(5)));  // it has read all that was sent
  EXPECT_EQ(updates, 0);
}

// The server's end of a session; null when the upgrade fails.
Task<std::unique_ptr<SpdySession>> AcceptSession(ResponseWriter* writer, std::string protocol = "") {
  Headers headers;
  headers.Add("upgrade", "SPDY/3.1");
  if (!protocol.empty()) headers.Add("x-stream-protocol-version", protocol);
  auto upgraded = co_await writer->Upgrade(std::move(headers));
  if (!upgraded) co_return nullptr;
  Executor& executor = co_await ThisExecutor();
  co_return NewSpdySession(executor, *std::move(upgraded), SpdySide::kServer);
}

// The next streams by their type; fewer when the session ends first.
Task<std::map<std::string, std::unique_ptr<SpdyStream>>> AcceptStreams(SpdySession* session, size_t count) {
  std::map<std::string, std::unique_ptr<SpdyStream>> streams;
  for (size_t i = 0; i < count; ++i) {
    auto stream = co_await session->Accept();
    if (!stream) break;
    std::string type((**stream).headers().Get("streamtype"));
    streams.emplace(type, *std::move(stream));
  }
  co_return streams;
}

// A command as a runtime serves it: echoes stdin to stdout, says "bad" on stderr, ends with a status.
Task<void> RunCommand(Request& request, ResponseWriter& writer) {
  if (request.path == "/missing") {
    Response response{.status = 404};
    response.body.push_back(Chunk::Static("no such container"));
    co_await writer.Respond(std::move(response));
    co_return;
  }
  auto session = co_await AcceptSession(&writer, "v4.channel.k8s.io");
  if (session == nullptr) co_return;
  auto streams = co_await AcceptStreams(session.get(), 4);
  if (streams.size() < 4) co_return;
  auto input = co_await ReadToEnd(streams.at("stdin").get());
  co_await streams.at("stdout")->Write(input.value_or("failed"));
  co_await streams.at("stdout")->CloseWrite();
  co_await streams.at("stderr")->Write("bad");
  co_await streams.at("stderr")->CloseWrite();
  co_await streams.at("error")->Write(R"({"status":"Success"})");
  co_await streams.at("error")->CloseWrite();
  co_await session->Close();
}

// A command that echoes as it reads.
Task<void> EchoCommand(Request& request, ResponseWriter& writer) {
  auto session = co_await AcceptSession(&writer);
  if (session == nullptr) co_return;
  auto streams = co_await AcceptStreams(session.get(), 3);
  if (streams.size() < 3) co_return;
  std::array<char, 100> buffer;
  while (true) {
    auto length = co_await streams.at("stdin")->Read(buffer);
    if (!length || *length == 0) break;
    co_await streams.at("stdout")->Write({buffer.data(), *length});
  }
  co_await session->Close();
}

// A node's part of port-forward: each port answers what it got; 8081 also has something to complain about.
Task<void> ServePorts(Request& request, ResponseWriter& writer) {
  auto session = co_await AcceptSession(&writer);
  if (session == nullptr) co_return;
  std::vector<std::unique_ptr<SpdyStream>> streams;
  for (int i = 0; i < 4; ++i) {
    auto stream = co_await session->Accept();
    if (!stream) co_return;
    streams.push_back(*std::move(stream));
  }
  for (auto& stream : streams) {
    std::string port(stream->headers().Get("port"));
    std::string text = port == "8081" ? "bad" : "";
    if (stream->headers().Get("streamtype") == "data") {
      std::array<char, 100> buffer;
      auto length = co_await stream->Read(buffer);
      text = fmt::format("port {} got {}", port, std::string_view(buffer.data(), length.value_or(0)));
    }
    co_await stream->Write(text);
    co_await stream->CloseWrite();
  }
  (void)co_await session->Accept();  // nothing more comes: the peer closes
}

// The API server's part: proxies to the node.
Task<void> ProxyTo(Client* node, StreamingKind kind, Request& request, ResponseWriter& writer) {
  StreamingProxyOptions options{.kind = kind, .streams = RemoteStreams::FromQuery(request.query)};
  options.upstream.method = "POST";
  options.upstream.target = request.path;
  co_await ProxyStreaming(request, writer, *node, std::move(options));
}

class RelayTest : public NetTest {
 protected:
  void ServeThrough(Handler node, StreamingKind kind) {
    Serve(std::move(node));
    node_server_ = std::move(server_);
    node_client_ = std::move(client_);
    Serve([this, kind](Request& request, ResponseWriter& writer) {
      return ProxyTo(node_client_.get(), kind, request, writer);
    });
  }
  std::unique_ptr<Server> node_server_;
  std::unique_ptr<Client> node_client_;
};

Task<Result<std::map<int, std::string>>> Exec(Client* client, std::string target, std::string protocol) {
  CO_TRY(auto socket, co_await ConnectWebSocket(*client, {.target = std::move(target)}, {.protocols = {protocol}}));
  std::string input(1, '\0');
  input += std::string(50'000, 'i');
  CO_TRY_VOID(co_await socket->Send(WsKind::kBinary, input));
  CO_TRY_VOID(co_await socket->Send(WsKind::kBinary, std::string_view("\xff\x00", 2)));
  std::map<int, std::string> output;
  while (true) {
    CO_TRY(auto message, co_await socket->Receive());
    if (!message) co_return output;
    output[static_cast<unsigned char>(message->data.at(0))] += message->data.substr(1);
  }
}

TEST_F(RelayTest, WebSocketExecReachesASpdyRuntime) {
  ServeThrough(RunCommand, StreamingKind::kRemoteCommand);
  auto output = Wait(Exec(client_.get(), "/exec?stdin=true&stdout=true&stderr=true", "v5.channel.k8s.io"));
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->at(1), std::string(50'000, 'i'));
  EXPECT_EQ(output->at(2), "bad");
  EXPECT_EQ(output->at(3), R"({"status":"Success"})");
}

Task<Result<std::map<int, std::string>>> Base64Exec(Client* client, std::string target) {
  WsOptions options{.protocols = {std::string(kBase64ChannelV1)}};
  CO_TRY(auto socket, co_await ConnectWebSocket(*client, {.target = std::move(target)}, std::move(options)));
  CO_TRY_VOID(co_await socket->Send(WsKind::kText, "0aGVsbG8="));
  std::map<int, std::string> output;
  while (true) {
    CO_TRY(auto message, co_await socket->Receive());
    if (!message) co_return output;
    output[message->data.at(0)] += message->data.substr(1);
    if (output['1'] == "aGVsbG8=") co_await socket->Close(1000, "");  // the echo of what was sent
  }
}

TEST_F(RelayTest, TheFirstVersionOfTheProtocolIsSpoken) {
  ServeThrough(EchoCommand, StreamingKind::kRemoteCommand);
  auto output = Wait(Base64Exec(client_.get(), "/exec?stdin=true&stdout=true"));
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->at('1'), "aGVsbG8=");
}

Task<Result<std::map<int, std::string>>> ChannelForward(Client* client, std::string target) {
  WsOptions options{.protocols = {std::string(kChannelV4)}};
  CO_TRY(auto socket, co_await ConnectWebSocket(*client, {.target = std::move(target)}, std::move(options)));
  CO_TRY_VOID(co_await socket->Send(WsKind::kBinary, std::string_view("\x00GET", 4)));
  CO_TRY_VOID(co_await socket->Send(WsKind::kBinary, std::string_view("\x02PUT", 4)));
  std::map<int, std::string> output;
  while (true) {
    CO_TRY(auto message, co_await socket->Receive());
    if (!message) co_return output;
    output[static_cast<unsigned char>(message->data.at(0))] += message->data.substr(1);
  }
}

TEST_F(RelayTest, PortForwardByChannelsReachesEachPort) {
  ServeThrough(ServePorts, StreamingKind::kPortForward);
  auto output = Wait(ChannelForward(client_.get(), "/portforward?ports=80&ports=8081"));
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->at(0), std::string("\x50\x00port 80 got GET", 17));
  EXPECT_EQ(output->at(1), std::string("\x50\x00", 2));
  EXPECT_EQ(output->at(2), std::string("\x91\x1fport 8081 got PUT", 19));
  EXPECT_EQ(output->at(3), std::string("\x91\x1f"
                                       "bad",
                                       5));
}

TEST_F(RelayTest, PortForwardByChannelsNeedsPorts) {
  ServeThrough(ServePorts, StreamingKind::kPortForward);
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "query parameter \"port\" is required"},
      {"?ports=", "unable to parse \"\" as a port"},
      {"?ports=80,x", "unable to parse \"x\" as a port"},
      {"?ports=65536", "unable to parse \"65536\" as a port"},
  };
  for (const auto& [query, message] : cases) {
    auto output = Wait(ChannelForward(client_.get(), fmt::format("/portforward{}", query)));
    ASSERT_FALSE(output) << query;
    EXPECT_EQ(output.error().message(), message) << query;
  }
}

TEST_F(RelayTest, RefusalOfTheRuntimeReachesTheClient) {
  ServeThrough(RunCommand, StreamingKind::kRemoteCommand);
  auto output = Wait(Exec(client_.get(), "/missing?stdout=true", "v5.channel.k8s.io"));
  ASSERT_FALSE(output);
  EXPECT_TRUE(output.error().Is(Reason::kNotFound));
  EXPECT_EQ(output.error().message(), "no such container");
  EXPECT_EQ(Get("/exec").status, 400) << "no upgrade at all";
}

TEST_F(RelayTest, SpdyIsRelayedUntouched) {
  ServeThrough(EchoSession, StreamingKind::kPortForward);
  EXPECT_EQ(Wait(ManyStreams(client_.get(), 5, 100'000)).value_or(0), 5 * 100'002U);
}

Task<Result<size_t>> Tunnel(Client* client) {
  CO_TRY(auto socket,
         co_await ConnectWebSocket(*client, {.target = "/portforward"}, {.protocols = {std::string(kTunneledPortForward)}}));
  Executor& executor = co_await ThisExecutor();
  auto session = NewSpdySession(executor, NewWebSocketStream(std::move(socket)), SpdySide::kClient);
  CO_TRY(auto stream, co_await session->Open({}));
  size_t count = 0;
  std::vector<Task<bool>> work;
  work.push_back(WriteAndEnd(stream.get(), std::string(200'000, 't')));
  work.push_back(CountBytes(stream.get(), &count));
  co_await WhenAll(std::move(work));
  co_await session->Close();
  co_return count;
}

TEST_F(RelayTest, PortForwardTunnelsSpdyInAWebSocket) {
  ServeThrough(EchoSession, StreamingKind::kPortForward);
  EXPECT_EQ(Wait(Tunnel(client_.get())).value_or(0), 200'001U);
}

}  // namespace
}  // namespace sampan::net
