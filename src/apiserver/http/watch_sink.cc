#include "apiserver/http/watch_sink.h"

#include "async/gate.h"
#include "async/spawn.h"
#include "codec/base64.h"
#include "net/websocket.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kBinary = "binary.k8s.io";
constexpr std::string_view kBase64 = "base64.binary.k8s.io";
constexpr uint16_t kNormalClosure = 1000;

class BodySink final : public WatchSink {
 public:
  explicit BodySink(net::ResponseWriter& writer) : writer_(writer) {}

  Task<Result<void>> Write(std::vector<net::Chunk> chunks) override { return writer_.Write(std::move(chunks)); }
  Task<void> Finish() override {
    auto finished = co_await writer_.Finish();
    (void)finished;  // the client is gone: there is nobody to tell
  }
  void OnGone(std::function<void()>) override {}

 private:
  net::ResponseWriter& writer_;
};

class SocketSink final : public WatchSink {
 public:
  explicit SocketSink(std::unique_ptr<net::WebSocket> socket) : socket_(std::move(socket)) {}

  void Begin(Executor& executor) { Spawn(executor, gate_, Drain()); }

  Task<Result<void>> Write(std::vector<net::Chunk> chunks) override {
    // An event ends with its line; its chunks may be several.
    std::string event;
    for (const net::Chunk& chunk : chunks) {
      event += chunk.data;
      if (!event.ends_with('\n')) continue;
      CO_TRY_VOID(co_await Send(std::move(event)));
      event.clear();
    }
    if (!event.empty()) CO_TRY_VOID(co_await Send(std::move(event)));
    co_return Result<void>{};
  }

  Task<void> Finish() override {
    co_await socket_->Close(kNormalClosure, "");
    socket_->Abort();
    co_await gate_.Close();
  }

  void OnGone(std::function<void()> gone) override {
    if (over_) return gone();
    gone_ = std::move(gone);
  }

 private:
  // Reads what the client sends, which means nothing here, so that its pings are answered and its leaving is noticed.
  Task<void> Drain() {
    while (true) {
      auto message = co_await socket_->Receive();
      if (!message || !*message) break;
    }
    over_ = true;
    if (gone_) std::exchange(gone_, nullptr)();
  }

  Task<Result<void>> Send(std::string event) {
    net::WsKind kind = socket_->protocol() == kBinary ? net::WsKind::kBinary : net::WsKind::kText;
    if (socket_->protocol() == kBase64) event = base64::Encode(event);
    auto sent = co_await socket_->Send(kind, event);
    co_return sent;
  }

  std::unique_ptr<net::WebSocket> socket_;
  std::function<void()> gone_;
  bool over_ = false;  // the client closed or broke the connection
  Gate gate_;
};

}  // namespace

Task<Result<std::unique_ptr<WatchSink>>> OpenWatchSink(Exchange* exchange, std::string content_type) {
  if (net::IsWebSocketUpgrade(exchange->request)) {
    net::WsOptions options;
    options.protocols = {"", std::string(kBinary), std::string(kBase64)};
    exchange->asked->status = 101;
    CO_TRY(auto socket, co_await net::AcceptWebSocket(exchange->request, exchange->writer, std::move(options)));
    exchange->asked->Streaming(101);
    auto sink = std::make_unique<SocketSink>(std::move(socket));
    Executor& executor = co_await ThisExecutor();
    sink->Begin(executor);
    co_return std::unique_ptr<WatchSink>(std::move(sink));
  }
  net::Headers headers;
  headers.Add("content-type", std::move(content_type));
  headers.Add("cache-control", "no-cache, private");
  headers.Add("audit-id", exchange->asked->audit_id);
  exchange->asked->Streaming(200);
  CO_TRY_VOID(co_await exchange->writer.Start(200, std::move(headers)));
  co_return std::make_unique<BodySink>(exchange->writer);
}

}  // namespace sampan::apiserver
