// WebSocket (RFC 6455) over a Stream: messages in, messages out. Pings are answered, fragments joined, limits kept.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/client.h"
#include "net/http.h"

namespace sampan::net {

enum class WsKind : unsigned char { kText, kBinary };
enum class WsSide : unsigned char { kServer, kClient };  // clients mask their frames, servers must not

struct WsMessage {
  WsKind kind = WsKind::kBinary;
  std::string data;
};

struct WsOptions {
  size_t max_message_bytes = 4 * 1024 * 1024;  // close 1009 beyond
  std::vector<std::string> protocols;          // what this side speaks; a server prefers the order the client asks for
};

// One coroutine receives at a time; any number of coroutines, of any executor, send: their messages never mix.
class WebSocket {
 public:
  virtual ~WebSocket() = default;                   // drops the connection
  virtual const std::string& protocol() const = 0;  // the agreed subprotocol, "" for none

  // The next message; nothing once the peer closed. BadRequest when the peer breaks the protocol (it is told with 1002,
  // 1007 or 1009 before the connection ends), ServiceUnavailable when the connection broke.
  virtual Task<Result<std::optional<WsMessage>>> Receive() = 0;
  virtual Task<Result<void>> Send(WsKind kind, std::string_view data) = 0;  // `data` stays valid until done
  virtual Task<Result<void>> Ping() = 0;
  // Sends a close frame, once; nothing may be sent after it. Receive goes on until the peer's own close.
  virtual Task<void> Close(uint16_t code, std::string_view reason) = 0;
  // Ends waiting calls with an error. Any thread.
  virtual void Abort() = 0;
};

// Whether the request asks for a WebSocket (GET, HTTP/1.1, Upgrade: websocket).
bool IsWebSocketUpgrade(const Request& request);
// The subprotocols it offers, in order.
std::vector<std::string> OfferedProtocols(const Request& request);

// Answers 101, or 400/426 itself and then fails. A client that offers protocols of which none is in
// `options.protocols` is refused; one that offers none is accepted when `options.protocols` is empty or holds "".
Task<Result<std::unique_ptr<WebSocket>>> AcceptWebSocket(Request& request, ResponseWriter& writer, WsOptions options);

// Sends the upgrade request (its own headers are added) and checks the answer. `client` outlives the call.
Task<Result<std::unique_ptr<WebSocket>>> ConnectWebSocket(Client& client, ClientRequest request, WsOptions options,
                                                          CancelToken stop = {});

// A stream on which the upgrade has been done.
std::unique_ptr<WebSocket> NewWebSocket(std::unique_ptr<Stream> stream, WsSide side, std::string protocol,
                                        WsOptions options);

// A WebSocket as a byte stream: every binary message is a piece of it (port-forward tunnels SPDY this way).
std::unique_ptr<Stream> NewWebSocketStream(std::unique_ptr<WebSocket> socket);

}  // namespace sampan::net
