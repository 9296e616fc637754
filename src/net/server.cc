#include "net/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <limits>

#include "async/io_loop.h"
#include "async/spawn.h"
#include "base/guarded.h"
#include "base/log.h"
#include "net/detail/session.h"
#include "net/detail/socket.h"

namespace sampan::net {
namespace {

using detail::Connection;
using detail::ConnectionPlaces;
using detail::LoopConnections;
using detail::ServerShared;
using detail::SessionParts;
using detail::SslContextPtr;
using detail::SslPtr;

constexpr int kBacklog = 1024;
constexpr int kAcceptedATurn = 64;
constexpr std::chrono::milliseconds kAcceptRetry{200};

// Holds a connection's place for as long as it is open. Dropped on its loop.
class Lease {
 public:
  explicit Lease(const SessionParts& parts)
      : place_(parts.place), connections_(parts.connections), connection_(parts.connection.get()) {
    parts.server->places->Attach(*place_, parts.connection);
    connections_->sessions.emplace(connection_, nullptr);
  }
  ~Lease() { connections_->sessions.erase(connection_); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

 private:
  std::shared_ptr<ConnectionPlaces::Place> place_;
  std::shared_ptr<LoopConnections> connections_;
  Connection* connection_;
};

// The last descriptor that a connection may have: the store, containers and connections of ours need some as well.
int LastDescriptor() {
  constexpr rlim_t kReserve = 1024;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > static_cast<rlim_t>(std::numeric_limits<int>::max())) {
    return std::numeric_limits<int>::max();
  }
  return static_cast<int>(limit.rlim_cur - std::min(limit.rlim_cur / 4, kReserve));
}

constexpr std::string_view kPlainHttpAnswer =
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

Task<void> ServeConnection(SessionParts parts, SslContextPtr tls) {
  Connection& connection = *parts.connection;
  bool http2 = false;
  if (tls != nullptr) {
    connection.SetReadDeadline(parts.server->options.handshake_timeout);
    auto spoken = co_await connection.FirstByte();
    if (!spoken) co_return connection.Close();
    if (*spoken >= 'A' && *spoken <= 'Z') {  // no TLS record begins so, but every HTTP request does
      connection.TryWrite(kPlainHttpAnswer);
      co_await connection.LingerAndClose();
      co_return;
    }
    SslPtr ssl(SSL_new(tls.get()));
    if (ssl == nullptr) co_return connection.Close();
    SSL_set_accept_state(ssl.get());
    connection.StartTls(std::move(ssl), std::move(tls));
    auto done = co_await connection.Handshake();
    if (!done) {
      LOG_DEBUG("net", "{}: {}", parts.remote_address, done.error());
      co_return connection.Close();
    }
    parts.peer = detail::PeerIdentityOf(*connection.ssl());
    http2 = detail::NegotiatedHttp2(*connection.ssl());
  }
  if (http2) {
    co_await ServeHttp2(std::move(parts));
  } else {
    co_await ServeHttp1(std::move(parts));
  }
}

// Accepts on the first loop and deals the connections out in turn, which spreads few connections more evenly than one
// listening socket a loop does.
class ServerImpl final : public Server, public IoLoop::Watcher {
 public:
  ServerImpl(IoLoops& loops, int listener, uint16_t port, std::shared_ptr<ServerShared> shared, SslContextPtr tls)
      : loops_(loops),
        home_(loops.Next()),
        listener_(listener),
        port_(port),
        shared_(std::move(shared)),
        tls_(std::move(tls)) {
    for (size_t i = 0; i < loops_.size(); ++i) {
      connections_.push_back(std::make_shared<LoopConnections>(shared_->options.max_buffered_bytes / loops_.size()));
    }
    accept_retry_ = std::make_unique<IoLoop::Timer>(home_, [this] { Accept(); });
    stop_timer_ = std::make_unique<IoLoop::Timer>(home_, [this] { CloseAll(); });
    home_.Post([this] { home_.Watch(listener_, *this); });
  }

  ~ServerImpl() override {
    if (!stopped_) SyncWait(home_, Stop(Duration::zero()));
  }

  uint16_t port() const override { return port_; }
  size_t connections() const override { return shared_->places->taken(); }

  Result<void> SetTls(std::shared_ptr<const TlsServerOptions> tls) override {
    if (tls == nullptr) return Fail(Error::BadRequest("a TLS server stays a TLS server"));
    TRY(SslContextPtr context, detail::NewServerContext(*tls));
    *tls_.Lock() = std::move(context);
    return {};
  }

  Task<void> Stop(Duration grace) override {
    stopped_ = true;
    shared_->draining = true;
    co_await RunOn(home_, BeginStop(grace));
    co_await gate_.Close();
    co_await RunOn(home_, EndStop());
  }

 private:
  Task<void> BeginStop(Duration grace) {
    accept_retry_->Disarm();
    home_.Unwatch(listener_, *this);
    close(std::exchange(listener_, -1));
    if (grace > Duration::zero()) {
      ForEachLoop([](LoopConnections& loop) {
        EachSession(loop, [](Connection& connection, detail::Session* session) {
          if (session != nullptr) session->Drain();
        });
      });
      stop_timer_->Arm(grace);
    } else {
      CloseAll();
    }
    co_return;
  }

  Task<void> EndStop() {
    CloseAll();
    stop_timer_.reset();
    accept_retry_.reset();
    co_return;
  }

  void CloseAll() {
    ForEachLoop([](LoopConnections& loop) {
      EachSession(loop, [](Connection& connection, detail::Session* session) {
        if (session != nullptr) session->CancelRequests();
        connection.Close();
      });
    });
  }

  // Copies first: what is called may add and remove entries.
  template <class F>
  static void EachSession(LoopConnections& loop, F f) {
    std::vector<std::shared_ptr<Connection>> open;
    for (const auto& [connection, session] : loop.sessions) open.push_back(connection->shared_from_this());
    for (const auto& connection : open) {
      auto it = loop.sessions.find(connection.get());
      if (it != loop.sessions.end()) f(*connection, it->second);
    }
  }

  template <class F>
  void ForEachLoop(F f) {
    for (size_t i = 0; i < loops_.size(); ++i) loops_.at(i).Post([f, loop = connections_[i]] { f(*loop); });
  }

  void OnReady(uint32_t) override { Accept(); }

  // A few at a time: those who are connected already get their turn.
  void Accept() {
    for (int accepted = 0; listener_ >= 0; ++accepted) {
      if (accepted == kAcceptedATurn) return home_.Post([this] { Accept(); });
      sockaddr_storage peer;
      socklen_t length = sizeof(peer);
      int fd = accept4(listener_, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        Admit(fd, detail::AddressText(peer));
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        LOG_WARN("net", "port {}: cannot accept: {}", port_, strerror(errno));
        shared_->places->MakeRoom();
        accept_retry_->Arm(kAcceptRetry);
        return;
      } else if (errno == EAGAIN) {
        return;
      }
    }
  }

  void Admit(int fd, std::string remote) {
    std::shared_ptr<ConnectionPlaces::Place> place = shared_->places->Take(remote, fd);
    if (place == nullptr) {
      close(fd);
      return;
    }
    detail::TuneSocket(fd);
    size_t index = next_loop_++ % loops_.size();
    IoLoop& loop = loops_.at(index);
    std::string client = detail::ClientOf(remote);
    SessionParts parts{shared_,          connections_[index], nullptr, std::move(remote),
                       std::move(place), std::move(client),   nullptr};
    loop.Post([this, &loop, fd, parts = std::move(parts), holder = gate_.Enter()]() mutable {
      Begin(loop, fd, std::move(parts), std::move(holder));
    });
  }

  // On the connection's loop; the holder keeps the server alive.
  void Begin(IoLoop& loop, int fd, SessionParts parts, Gate::Holder holder) {
    parts.connection = Connection::Create(loop, fd);
    parts.connection->SetLease(std::make_shared<Lease>(parts));
    if (!holder || shared_->draining) return parts.connection->Close();
    Spawn(loop, gate_, ServeConnection(std::move(parts), *tls_.ReadLock()));
  }

  IoLoops& loops_;
  IoLoop& home_;
  int listener_;  // home loop
  const uint16_t port_;
  std::shared_ptr<ServerShared> shared_;
  Guarded<SslContextPtr> tls_;
  std::vector<std::shared_ptr<LoopConnections>> connections_;  // by loop; each for its own loop
  size_t next_loop_ = 0;                                       // home loop
  std::unique_ptr<IoLoop::Timer> accept_retry_;
  std::unique_ptr<IoLoop::Timer> stop_timer_;
  Gate gate_;
  std::atomic<bool> stopped_{false};
};

}  // namespace

Result<std::unique_ptr<Server>> Listen(IoLoops& loops, ServerOptions options, Handler handler) {
  SslContextPtr tls;
  if (options.tls != nullptr) {
    TRY(tls, detail::NewServerContext(*options.tls));
  }
  uint16_t port = options.port;
  TRY(int listener, detail::ListenTcp(options.address, port, kBacklog));
  auto shared = std::make_shared<ServerShared>();
  shared->options = std::move(options);
  shared->handler = std::move(handler);
  int last = LastDescriptor();
  size_t most = std::min(shared->options.max_connections, static_cast<size_t>(last));
  shared->places = std::make_shared<ConnectionPlaces>(most, last);
  return std::make_unique<ServerImpl>(loops, listener, port, std::move(shared), std::move(tls));
}

}  // namespace sampan::net
