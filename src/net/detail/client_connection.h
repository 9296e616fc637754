// The client's side of a connection: making one, keeping idle ones, one exchange over one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/pool.h"
#include "base/guarded.h"
#include "net/client.h"
#include "net/detail/connection.h"
#include "net/detail/http1_parser.h"
#include "net/detail/write_lock.h"

namespace sampan {
class IoLoops;
}

namespace sampan::net::detail {

class Http2ClientConnection;

// Connections to one server. Thread-safe; shared by a client and the responses it handed out.
class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  ConnectionPool(IoLoops& loops, ClientOptions options, SslContextPtr tls);

  const ClientOptions& options() const { return options_; }
  const std::string& host_header() const { return host_header_; }
  // The most recently used idle connection; null when there is none.
  std::shared_ptr<Connection> TakeIdle();
  // On the connection's loop.
  void PutIdle(std::shared_ptr<Connection> connection);
  // A new connection, TLS included, on the caller's loop if it runs on one. With kHttp2 it may have agreed on that.
  Task<Result<std::shared_ptr<Connection>>> Connect(CancelToken stop, Protocols protocols);
  // Connections that carry many requests: one with room for another, null: none. The first to find none makes one, while the
  // others wait for it.
  std::shared_ptr<Http2ClientConnection> TakeShared();
  void PutShared(std::shared_ptr<Http2ClientConnection> connection);
  Task<WriteLock::Holder> MakingShared() { return making_.Acquire(); }
  // Closes what is idle; what is busy closes once it is not.
  void CloseIdle();
  // For connections that are made from now on; the idle ones are closed, the busy ones once they are not.
  void SetTls(std::shared_ptr<const TlsClientOptions> options, SslContextPtr context);

 private:
  bool IsCurrent(const Connection& connection);  // made with the TLS options of now
  void Forget(Connection* connection);
  void DropIdle();
  Task<Result<std::vector<std::string>>> Resolve();
  Task<Result<std::shared_ptr<Connection>>> ConnectTo(IoLoop* loop, std::string address, CancelToken stop,
                                                      Protocols protocols);
  struct Tls {
    std::shared_ptr<const TlsClientOptions> options;  // null: plain
    SslContextPtr context;
  };

  IoLoops& loops_;
  const ClientOptions options_;
  Guarded<Tls> tls_;
  std::string host_header_;
  BlockingPool resolver_{1};
  struct Idle {
    std::vector<std::shared_ptr<Connection>> connections;
    std::vector<std::shared_ptr<Http2ClientConnection>> shared;
    bool closed = false;
  };
  Guarded<Idle> idle_;
  WriteLock making_;
};

// A TCP or Unix connection to a numeric address, connected, without TLS. `loop` is the caller's executor.
Task<Result<std::shared_ptr<Connection>>> ConnectSocket(IoLoop* loop, std::string address, uint16_t port, Duration timeout,
                                                        CancelToken stop = {});
// `caller` when it is one of the loops, else the next in turn.
IoLoop& PickLoop(IoLoops& loops, Executor& caller);
// The numeric addresses of a host name; may block.
Result<std::vector<std::string>> ResolveHost(const std::string& host);

struct Exchange {
  enum class Outcome : unsigned char {
    kAnswered,
    kNotSent,   // the connection had ended before
    kNoAnswer,  // it broke before any byte came back
    kFailed,
  };
  Outcome outcome = Outcome::kFailed;
  std::optional<Error> error;
  ResponseHead head;
  Framing framing;
  std::string unread;
  std::shared_ptr<const bool> sent;  // whether a streamed request has ended; null: it was sent before
};
// What is sent: a head, and a body or a stream of one.
struct Outgoing {
  std::string_view head;
  std::string_view body;
  std::shared_ptr<BodyReader> stream;
  Duration timeout;
};
// Sends a request and reads the response's head, which may be there before the request's end. Runs on the connection's loop;
// what `outgoing` points to outlives it.
Task<Exchange> RunExchange(std::shared_ptr<Connection> connection, Outgoing outgoing);

// What ClientResponse::ReadAll does.
Task<Result<std::string>> ReadWhole(ClientResponse* response, size_t limit);
// The body of an answered exchange. Gives the connection back to the pool at its end.
std::unique_ptr<ClientResponse> NewClientResponse(std::shared_ptr<ConnectionPool> pool,
                                                  std::shared_ptr<Connection> connection, Exchange exchange,
                                                  std::string_view method, CancelToken stop);

}  // namespace sampan::net::detail
