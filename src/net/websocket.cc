#include "net/websocket.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "codec/base64.h"
#include "net/detail/http1_parser.h"
#include "net/detail/websocket_frame.h"
#include "net/detail/write_lock.h"

namespace sampan::net {
namespace {

using namespace detail;

constexpr size_t kReadBytes = 16 * 1024;

std::string AcceptKey(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha1(), nullptr);
  return base64::Encode({reinterpret_cast<char*>(digest), length});
}

std::string RandomKey() {
  std::array<char, 16> bytes;
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size());
  return base64::Encode({bytes.data(), bytes.size()});
}

class WebSocketImpl final : public WebSocket {
 public:
  WebSocketImpl(std::unique_ptr<Stream> stream, WsSide side, std::string protocol, const WsOptions& options)
      : stream_(std::move(stream)), side_(side), protocol_(std::move(protocol)), reader_(side, options.max_message_bytes) {}

  const std::string& protocol() const override { return protocol_; }

  Task<Result<std::optional<WsMessage>>> Receive() override {
    std::array<char, kReadBytes> buffer;
    while (true) {
      WsReader::Event event;
      ParseState state = reader_.Next(event);
      if (state == ParseState::kBad) {
        std::string reason(reader_.reason());
        co_await Close(reader_.fault(), reason);
        stream_->Abort();
        co_return Fail(Error::BadRequest("WebSocket: {}", reason));
      }
      if (state == ParseState::kIncomplete) {
        CO_TRY(size_t length, co_await stream_->Read(buffer));
        if (length == 0) co_return Fail(Error::ServiceUnavailable("the peer ended the connection without a close frame"));
        reader_.Feed({buffer.data(), length});
        continue;
      }
      if (event.opcode == kWsText || event.opcode == kWsBinary) {
        co_return std::optional(
            WsMessage{event.opcode == kWsText ? WsKind::kText : WsKind::kBinary, std::move(event.payload)});
      }
      if (event.opcode == kWsPing) CO_TRY_VOID(co_await SendFrame(kWsPong, event.payload));
      if (event.opcode == kWsClose) {
        co_await SendClose(event.payload);
        co_return std::optional<WsMessage>();
      }
    }
  }

  Task<Result<void>> Send(WsKind kind, std::string_view data) override {
    return SendFrame(kind == WsKind::kText ? kWsText : kWsBinary, data);
  }
  Task<Result<void>> Ping() override { return SendFrame(kWsPing, {}); }

  Task<void> Close(uint16_t code, std::string_view reason) override {
    std::string payload = CloseFramePayload(code, reason);
    co_await SendClose(std::move(payload));
  }

  void Abort() override { stream_->Abort(); }

 private:
  std::optional<uint32_t> Mask() const {
    if (side_ == WsSide::kServer) return std::nullopt;
    uint32_t mask = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&mask), sizeof(mask));
    return mask;
  }

  Task<Result<void>> SendFrame(WsOpcode opcode, std::string_view data) {
    std::string frame;
    frame.reserve(data.size() + 14);
    AppendFrame(frame, opcode, data, Mask());
    WriteLock::Holder turn = co_await lock_.Acquire();
    if (closing_) co_return Fail(Error::ServiceUnavailable("the WebSocket is closing"));
    if (opcode == kWsClose) closing_ = true;
    auto written = co_await stream_->Write(frame);
    co_return written;
  }

  Task<void> SendClose(std::string payload) { co_await SendFrame(kWsClose, payload); }

  std::unique_ptr<Stream> stream_;
  const WsSide side_;
  const std::string protocol_;
  WsReader reader_;
  WriteLock lock_;
  bool closing_ = false;  // changed and read by who holds lock_
};

class WebSocketStream final : public Stream {
 public:
  explicit WebSocketStream(std::unique_ptr<WebSocket> socket) : socket_(std::move(socket)) {}

  Task<Result<size_t>> Read(std::span<char> buffer) override {
    while (unread_.empty()) {
      CO_TRY(auto message, co_await socket_->Receive());
      if (!message) co_return size_t{0};
      if (message->kind == WsKind::kText) co_return Fail(Error::BadRequest("a text message in a stream of bytes"));
      unread_ = std::move(message->data);
    }
    size_t length = std::min(buffer.size(), unread_.size());
    std::memcpy(buffer.data(), unread_.data(), length);
    unread_.erase(0, length);
    co_return length;
  }
  Task<Result<void>> Write(std::string_view data) override { return socket_->Send(WsKind::kBinary, data); }
  Task<void> CloseWrite() override { return socket_->Close(kWsNormal, ""); }
  void Abort() override { socket_->Abort(); }

 private:
  std::unique_ptr<WebSocket> socket_;
  std::string unread_;
};

Task<Result<std::unique_ptr<WebSocket>>> Refuse(ResponseWriter* writer, int status, std::string reason) {
  Response response{.status = status};
  response.headers.Add("content-type", "text/plain; charset=utf-8");
  if (status == 426) response.headers.Add("sec-websocket-version", "13");
  response.body.push_back(Chunk::Copy(reason + "\n"));
  co_await writer->Respond(std::move(response));
  co_return Fail(Error::BadRequest("WebSocket: {}", reason));
}

}  // namespace

bool IsWebSocketUpgrade(const Request& request) {
  return request.method == "GET" && request.version == HttpVersion::kHttp1 &&
         HasToken(request.headers.Get("connection"), "upgrade") && HasToken(request.headers.Get("upgrade"), "websocket");
}

std::vector<std::string> OfferedProtocols(const Request& request) {
  std::vector<std::string> offered;
  for (const auto& [name, value] : request.headers.items()) {
    if (name != "sec-websocket-protocol") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      size_t comma = std::min(rest.find(','), rest.size());
      std::string_view one = rest.substr(0, comma);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      while (one.starts_with(' ')) one.remove_prefix(1);
      while (one.ends_with(' ')) one.remove_suffix(1);
      if (!one.empty()) offered.emplace_back(one);
    }
  }
  return offered;
}

Task<Result<std::unique_ptr<WebSocket>>> AcceptWebSocket(Request& request, ResponseWriter& writer, WsOptions options) {
  if (!IsWebSocketUpgrade(request)) co_return co_await Refuse(&writer, 400, "not a WebSocket request");
  if (request.headers.Get("sec-websocket-version") != "13") {
    co_return co_await Refuse(&writer, 426, "only version 13 is supported");
  }
  std::string_view key = request.headers.Get("sec-websocket-key");
  if (base64::Decode(key).value_or("").size() != 16) co_return co_await Refuse(&writer, 400, "bad sec-websocket-key");
  std::vector<std::string> offered = OfferedProtocols(request);
  auto spoken = std::ranges::find_if(
      offered, [&](const std::string& one) { return std::ranges::find(options.protocols, one) != options.protocols.end(); });
  bool none_will_do = options.protocols.empty() || std::ranges::find(options.protocols, "") != options.protocols.end();
  if (spoken == offered.end() && (!offered.empty() || !none_will_do)) {
    co_return co_await Refuse(&writer, 400, "no common subprotocol");
  }
  std::string protocol = spoken == offered.end() ? std::string() : *spoken;
  Headers headers;
  headers.Add("upgrade", "websocket");
  headers.Add("connection", "Upgrade");
  headers.Add("sec-websocket-accept", AcceptKey(key));
  if (!protocol.empty()) headers.Add("sec-websocket-protocol", protocol);
  CO_TRY(auto stream, co_await writer.Upgrade(std::move(headers)));
  co_return NewWebSocket(std::move(stream), WsSide::kServer, std::move(protocol), std::move(options));
}

Task<Result<std::unique_ptr<WebSocket>>> ConnectWebSocket(Client& client, ClientRequest request, WsOptions options,
                                                          CancelToken stop) {
  std::string key = RandomKey();
  request.method = "GET";
  request.headers.Add("upgrade", "websocket");
  request.headers.Add("sec-websocket-version", "13");
  request.headers.Add("sec-websocket-key", key);
  std::string protocols;
  for (const std::string& protocol : options.protocols) protocols += (protocols.empty() ? "" : ", ") + protocol;
  if (!protocols.empty()) request.headers.Add("sec-websocket-protocol", protocols);
  CO_TRY(Client::Upgraded upgraded, co_await client.Upgrade(std::move(request), stop));
  std::string protocol(upgraded.headers.Get("sec-websocket-protocol"));
  bool agreed = protocol.empty() || std::ranges::find(options.protocols, protocol) != options.protocols.end();
  if (!agreed || upgraded.headers.Get("sec-websocket-accept") != AcceptKey(key)) {
    co_return Fail(Error::ServiceUnavailable("the server's WebSocket answer does not fit the request"));
  }
  co_return NewWebSocket(std::move(upgraded.stream), WsSide::kClient, std::move(protocol), std::move(options));
}

std::unique_ptr<WebSocket> NewWebSocket(std::unique_ptr<Stream> stream, WsSide side, std::string protocol,
                                        WsOptions options) {
  return std::make_unique<WebSocketImpl>(std::move(stream), side, std::move(protocol), options);
}

std::unique_ptr<Stream> NewWebSocketStream(std::unique_ptr<WebSocket> socket) {
  return std::make_unique<WebSocketStream>(std::move(socket));
}

}  // namespace sampan::net
