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

namespace sampan {
class IoLoops;
}

namespace sampan::net::detail {

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
  // A new connection, TLS included, on the caller's loop if it runs on one.
  Task<Result<std::shared_ptr<Connection>>> Connect(CancelToken stop);
  void CloseIdle();

 private:
  void Forget(Connection* connection);
  Task<Result<std::vector<std::string>>> Resolve();
  Task<Result<std::shared_ptr<Connection>>> ConnectTo(IoLoop* loop, std::string address, CancelToken stop);

  IoLoops& loops_;
  const ClientOptions options_;
  const SslContextPtr tls_;
  std::string host_header_;
  BlockingPool resolver_{1};
  struct Idle {
    std::vector<std::shared_ptr<Connection>> connections;
    bool closed = false;
  };
  Guarded<Idle> idle_;
};

// A TCP or Unix connection to a numeric address, connected, without TLS. `loop` is the caller's executor.
Task<Result<std::shared_ptr<Connection>>> ConnectSocket(IoLoop* loop, std::string address, uint16_t port, Duration timeout);
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
};
// Sends `head` and `body` and reads the response's head. Runs on the connection's loop; both outlive it.
Task<Exchange> RunExchange(std::shared_ptr<Connection> connection, std::string_view head, std::string_view body,
                           Duration timeout);

// The body of an answered exchange. Gives the connection back to the pool at its end.
std::unique_ptr<ClientResponse> NewClientResponse(std::shared_ptr<ConnectionPool> pool,
                                                  std::shared_ptr<Connection> connection, Exchange exchange,
                                                  std::string_view method, CancelToken stop);

}  // namespace sampan::net::detail
