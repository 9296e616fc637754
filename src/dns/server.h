// The cluster's name server on its sockets, UDP and TCP.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/io_loop.h"
#include "async/task.h"
#include "base/error.h"
#include "dns/resolver.h"

namespace sampan::dns {

struct ServerOptions {
  std::vector<std::string> addresses = {"127.0.0.1"};  // each gets a UDP and a TCP socket
  uint16_t port = 53;                                  // 0 picks one, Server::port() tells
  ForwarderOptions forwarder;
  ResponseCache::Limits cache;
  size_t max_connections = 500;                      // TCP; more are closed at once
  size_t max_connections_per_client = 100;           // of one address, so that no client keeps the others out
  Duration idle_timeout = std::chrono::seconds(10);  // of a TCP connection
};

// The sockets belong to one loop, and so does all work; the zone is shared with whoever changes it.
class Server {
 public:
  virtual ~Server() = default;  // after Stop
  virtual uint16_t port() const = 0;
  virtual const ResolverStats& stats() const = 0;  // any thread
  // Who is asked for other names, from now on; what is cached is forgotten. Any thread, until Stop.
  virtual void SetForwards(ForwardZones zones) = 0;
  // Closes the sockets and drops what is under way. Called once.
  virtual Task<void> Stop() = 0;
};

// All references outlive the server. ServiceUnavailable when an address cannot be bound.
Result<std::unique_ptr<Server>> Listen(IoLoop& loop, Guarded<Zone>& zone, Clock& clock, Rng& rng, ServerOptions options);

}  // namespace sampan::dns
