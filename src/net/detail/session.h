// What a server knows about its connections, and the protocols they are served with.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>

#include "net/detail/connection.h"
#include "net/detail/connection_places.h"
#include "net/detail/server_body.h"
#include "net/server.h"

namespace sampan::net::detail {

// What serves one connection. Called on the connection's loop.
class Session {
 public:
  virtual ~Session() = default;
  virtual void Drain() = 0;           // no further request; ends when the running ones have ended
  virtual void CancelRequests() = 0;  // requests `gone` of those that run
};

// The same for all loops of a server.
struct ServerShared {
  ServerOptions options;
  Handler handler;
  std::shared_ptr<ConnectionPlaces> places;
  std::atomic<bool> draining{false};

  Response ErrorResponse(int status, std::string_view reason) const;
};

// The connections of one server on one loop; for that loop's thread. A connection under handshake, or one that was
// handed over by an upgrade, has no session.
struct LoopConnections {
  explicit LoopConnections(size_t body_bytes) : bodies(body_bytes) {}
  std::unordered_map<Connection*, Session*> sessions;
  BodyBudget bodies;
};

struct SessionParts {
  std::shared_ptr<ServerShared> server;
  std::shared_ptr<LoopConnections> connections;
  std::shared_ptr<Connection> connection;
  std::string remote_address;
  std::shared_ptr<ConnectionPlaces::Place> place;
  std::string client;  // see ClientOf
  std::shared_ptr<const PeerIdentity> peer;
};

// Registers a session for as long as it lives.
class SessionRegistration {
 public:
  SessionRegistration(SessionParts& parts, Session& session)
      : connections_(parts.connections), connection_(parts.connection.get()) {
    connections_->sessions[connection_] = &session;
  }
  ~SessionRegistration() {
    if (auto it = connections_->sessions.find(connection_); it != connections_->sessions.end()) it->second = nullptr;
  }
  SessionRegistration(const SessionRegistration&) = delete;
  SessionRegistration& operator=(const SessionRegistration&) = delete;

 private:
  std::shared_ptr<LoopConnections> connections_;
  Connection* connection_;
};

// Serve until the connection ends, is drained or, HTTP/1.1 only, is handed over.
Task<void> ServeHttp1(SessionParts parts);
Task<void> ServeHttp2(SessionParts parts);

// What a handler answers when its request's body came too slowly becomes 408: the fault is the client's.
void TellTooSlow(const ServerBody& body, const ServerShared& server, Response& response);

std::string_view StatusText(int status);
// "Sun, 06 Nov 1994 08:49:37 GMT", of now; valid until the thread's next call.
std::string_view HttpDate();
// Whether a response with this status never has a body.
inline bool IsBodiless(int status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace sampan::net::detail
