// Watches over a WebSocket, on loopback.
#include "apiserver/http/watch_sink.h"

#include <gtest/gtest.h>

#include "apiserver/testing/test_server.h"
#include "async/spawn.h"
#include "codec/base64.h"
#include "net/client.h"
#include "net/server.h"
#include "net/websocket.h"

namespace sampan::apiserver {
namespace {

constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";

// The first event, its kind of message, and whether the server closes when the watch's time is over.
Task<Result<std::string>> FirstEvent(net::Client* client, std::vector<std::string> protocols) {
  std::string target = fmt::format("{}?watch=true&fieldSelector=metadata.name%3Dx", kMaps);
  CO_TRY(auto socket, co_await net::ConnectWebSocket(*client, {.target = target}, {.protocols = std::move(protocols)}));
  CO_TRY(auto message, co_await socket->Receive());
  if (!message) co_return std::string("closed");
  std::string_view kind = message->kind == net::WsKind::kText ? "text" : "binary";
  std::string data = std::move(message->data);
  if (socket->protocol() == "base64.binary.k8s.io") data = base64::Decode(data).value_or("");
  co_await socket->Close(1000, "");
  co_return fmt::format("{} {}", kind, data);
}

TEST(WatchSink, SendsAnEventAMessage) {
  TestServer server;
  server.Post(kMaps, R"({"metadata":{"name":"x"}})");
  IoLoops loops(1, "watch-sink");
  auto listening = net::Listen(loops, {.address = "127.0.0.1"}, server.handler());
  ASSERT_TRUE(listening) << listening.error().message();
  {
    std::unique_ptr<net::Client> client = net::NewClient(loops, {.host = "127.0.0.1", .port = (*listening)->port()});
    struct Case {
      std::vector<std::string> protocols;
      std::string_view kind;
    };
    const Case cases[] = {{{}, "text "}, {{"binary.k8s.io"}, "binary "}, {{"base64.binary.k8s.io"}, "text "}};
    for (const Case& c : cases) {
      Result<std::string> event = SyncWait(server.executor(), FirstEvent(client.get(), c.protocols));
      ASSERT_TRUE(event) << event.error().message();
      EXPECT_TRUE(event->starts_with(fmt::format("{}{{\"type\":\"ADDED\"", c.kind))) << *event;
    }
    EXPECT_FALSE(SyncWait(server.executor(), FirstEvent(client.get(), {"other.k8s.io"})));
  }
  SyncWait(server.executor(), (*listening)->Stop(std::chrono::seconds(0)));
}

}  // namespace
}  // namespace sampan::apiserver
