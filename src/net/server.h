// The HTTP server: TLS 1.2+ with ALPN (h2, http/1.1) or plain, many connections on a few I/O threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "net/http.h"

namespace sampan {
class IoLoops;
}

namespace sampan::net {

struct TlsServerOptions {
  std::string certificate_pem;  // chain, leaf first
  std::string key_pem;
  std::string client_ca_pem;  // empty: client certificates are not asked for. Otherwise asked for, not demanded;
                              // one that does not verify ends the handshake.
};

struct ServerOptions {
  std::string address = "0.0.0.0";
  uint16_t port = 0;                              // 0 picks one, Server::port() tells
  std::shared_ptr<const TlsServerOptions> tls;    // null: plain HTTP (probes, metrics on loopback)
  size_t max_buffered_bytes = 256 * 1024 * 1024;  // of all request bodies that are held; see BodyReader::ReadAll
  BodyPace body_pace;                             // for bodies whose handler sets none
  size_t max_header_bytes = 64 * 1024;
  // Fewer where the process may open fewer files. Half of what other clients leave is the most of one client (an address);
  // what does nothing is closed when a place is needed.
  size_t max_connections = 20'000;
  size_t max_concurrent_streams = 250;  // HTTP/2, a connection
  Duration handshake_timeout = std::chrono::seconds(10);
  Duration header_timeout = std::chrono::seconds(10);  // from first byte to end of headers
  Duration idle_timeout = std::chrono::minutes(3);
  Duration write_timeout = std::chrono::minutes(1);  // without progress, while the peer does not read
  // What answers a request that never reaches the handler (400, 413, 431 ...) or that the handler left unanswered (500).
  // Empty: a line of text.
  std::function<Response(int status, std::string_view reason)> error_response;
};

class Server {
 public:
  // Stops at once when Stop was not called; blocks until all handlers ended, so not on a thread of the loops.
  virtual ~Server() = default;
  virtual uint16_t port() const = 0;
  // New handshakes use it; open connections stay. Certificates rotate without a restart.
  virtual Result<void> SetTls(std::shared_ptr<const TlsServerOptions> tls) = 0;
  // Stops accepting, cancels `gone` of running requests after `grace`, closes, waits until all handlers ended.
  virtual Task<void> Stop(Duration grace) = 0;
  virtual size_t connections() const = 0;
};

// Connections are spread over `loops`, which outlive the server; each stays on its loop, and the handler runs there.
// ServiceUnavailable with address and port when it cannot listen (in use, no permission); BadRequest for bad PEM.
Result<std::unique_ptr<Server>> Listen(IoLoops& loops, ServerOptions options, Handler handler);

}  // namespace sampan::net
