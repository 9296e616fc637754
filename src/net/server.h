// The HTTP server: TLS 1.2+ with ALPN (h2, http/1.1) or plain, many connections on a few I/O threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/http.h"

namespace sampan::net {

struct TlsServerOptions {
  std::string certificate_pem;  // chain, leaf first
  std::string key_pem;
  std::string client_ca_pem;  // empty: client certificates are not asked for. Otherwise asked for, not demanded;
                              // one that does not verify ends the handshake.
};

struct ServerOptions {
  std::string address = "0.0.0.0";
  uint16_t port = 0;                            // 0 picks one, Server::port() tells
  std::shared_ptr<const TlsServerOptions> tls;  // null: plain HTTP (probes, metrics on loopback)
  size_t io_threads = 0;                        // 0: one a core
  size_t max_body_bytes = 3 * 1024 * 1024;
  size_t max_header_bytes = 64 * 1024;
  size_t max_connections = 20'000;
  size_t max_concurrent_streams = 250;  // HTTP/2, a connection
  Duration handshake_timeout = std::chrono::seconds(10);
  Duration header_timeout = std::chrono::seconds(10);  // from first byte to end of headers; also for the body's progress
  Duration idle_timeout = std::chrono::minutes(3);
};

class Server {
 public:
  virtual ~Server() = default;
  virtual uint16_t port() const = 0;
  // New handshakes use it; open connections stay. Certificates rotate without a restart.
  virtual Result<void> SetTls(std::shared_ptr<const TlsServerOptions> tls) = 0;
  // Stops accepting, cancels `gone` of running requests after `grace`, closes, waits until all handlers ended.
  virtual Task<void> Stop(Duration grace) = 0;
  virtual size_t connections() const = 0;
};

// ServiceUnavailable with address and port when it cannot listen (in use, no permission).
Result<std::unique_ptr<Server>> Listen(ServerOptions options, Handler handler);

}  // namespace sampan::net
