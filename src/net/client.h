// The HTTP client: keeps connections, speaks HTTP/1.1 over TLS or plain TCP or a Unix socket, and HTTP/2 over TLS.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/time.h"
#include "net/http.h"

namespace sampan {
class IoLoops;
}

namespace sampan::net {

struct TlsClientOptions {
  std::string ca_pem;           // empty: the system's
  std::string certificate_pem;  // empty: none
  std::string key_pem;
  bool skip_verify = false;
  std::string server_name;  // empty: the host of the URL
};

// kHttp2: where the server offers it, all requests but upgrades share a connection, or a few.
enum class Protocols : unsigned char { kHttp1, kHttp2 };

struct ClientOptions {
  std::string host;  // "10.0.0.1", or "unix:/run/x.sock"
  uint16_t port = 0;
  std::shared_ptr<const TlsClientOptions> tls;  // null: plain
  Protocols protocols = Protocols::kHttp1;
  size_t max_idle_connections = 8;
  Duration connect_timeout = std::chrono::seconds(10);
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";  // path and query, encoded
  Headers headers;           // host and content-length are added
  std::string body;
  // Instead of `body`, one that is sent as it comes and as the server takes it; such a request is never sent twice. It is
  // read on any executor, until its end or until the response is dropped.
  std::shared_ptr<BodyReader> stream;
  Duration timeout = std::chrono::seconds(30);  // from the request's end to the response's headers; 0 = none
};

class ClientResponse {
 public:
  virtual ~ClientResponse() = default;  // an unread rest closes the connection
  virtual int status() const = 0;
  virtual const Headers& headers() const = 0;
  virtual Task<Result<std::string>> ReadSome() = 0;  // next piece of the body; empty at the end
  virtual Task<Result<std::string>> ReadAll(size_t limit) = 0;
};

// Thread-safe.
class Client {
 public:
  virtual ~Client() = default;
  // Any status is a success here; ServiceUnavailable when it cannot connect or the connection breaks; Timeout.
  // A request on a reused connection that broke before any response byte is sent once more when its method is idempotent.
  virtual Task<Result<std::unique_ptr<ClientResponse>>> Send(ClientRequest request, CancelToken stop = {}) = 0;
  // Sends an upgrade request; on 101 the stream and the response headers, otherwise an error with the response's body.
  struct Upgraded {
    std::unique_ptr<Stream> stream;
    Headers headers;
  };
  virtual Task<Result<Upgraded>> Upgrade(ClientRequest request, CancelToken stop = {}) = 0;
  // New connections use it, requests under way stay on theirs. Certificates rotate without a restart. BadRequest for bad
  // PEM.
  virtual Result<void> SetTls(std::shared_ptr<const TlsClientOptions> tls) = 0;
};

// `loops` outlive the client and everything it handed out. Connections are made when needed.
std::unique_ptr<Client> NewClient(IoLoops& loops, ClientOptions options);

// A plain TCP connection (tcp probes, port-forward); "unix:/path" connects to a socket file. Timeout or
// ServiceUnavailable; given up at `stop`.
Task<Result<std::unique_ptr<Stream>>> ConnectTcp(IoLoops& loops, std::string host, uint16_t port, Duration timeout,
                                                 CancelToken stop = {});

}  // namespace sampan::net
