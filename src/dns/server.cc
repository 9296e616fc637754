#include "dns/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "async/spawn.h"
#include "dns/listeners.h"

namespace sampan::dns {

Result<os::Fd> BindSocket(const std::string& address, uint16_t port, int type) {
  // As an upstream's address with a port, which is what Upstream parses.
  bool v6 = address.find(':') != address.npos;
  std::optional<Upstream> local = Upstream::Parse(fmt::format("{}{}{}:{}", v6 ? "[" : "", address, v6 ? "]" : "", port));
  if (!local) return Fail(Error::BadRequest("{:?} is not an address to listen on", address));
  os::Fd socket(::socket(local->address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int on = 1;
  if (type == SOCK_STREAM) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int room = 4 << 20;
  if (type == SOCK_DGRAM) ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  bool bound = socket && ::bind(socket.get(), reinterpret_cast<sockaddr*>(&local->address), local->length) == 0 &&
               (type != SOCK_STREAM || ::listen(socket.get(), 128) == 0);
  if (!bound) return Fail(Error::ServiceUnavailable("cannot listen on {}: {}", local->text, ::strerror(errno)));
  return socket;
}

uint16_t PortOf(const os::Fd& socket) {
  sockaddr_storage address = {};
  socklen_t length = sizeof address;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

IpAddress AddressOf(const sockaddr_storage& peer) {
  IpAddress address;
  if (peer.ss_family == AF_INET6) {
    address.size = 16;
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr, 16);
  } else {
    address.size = 4;
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, 4);
  }
  return address;
}

Result<SocketPair> BindBoth(const std::string& address, uint16_t port) {
  // The kernel picks a port that is free for UDP; somebody may have it for TCP.
  constexpr int kTries = 50;
  for (int i = 1;; ++i) {
    SocketPair pair;
    TRY(pair.udp, BindSocket(address, port, SOCK_DGRAM));
    pair.port = PortOf(pair.udp);
    Result<os::Fd> tcp = BindSocket(address, pair.port, SOCK_STREAM);
    if (!tcp && (port != 0 || i == kTries)) return Fail(tcp.error());
    if (!tcp) continue;
    pair.tcp = *std::move(tcp);
    return pair;
  }
}

namespace {

Result<std::vector<SocketPair>> BindAll(const ServerOptions& options) {
  std::vector<SocketPair> sockets;
  uint16_t port = options.port;
  for (const std::string& address : options.addresses) {
    TRY(SocketPair pair, BindBoth(address, port));
    port = pair.port;
    sockets.push_back(std::move(pair));
  }
  return sockets;
}

class LoopServer final : public Server {
 public:
  LoopServer(IoLoop& loop, Guarded<Zone>& zone, Clock& clock, Rng& rng, const ServerOptions& options, uint16_t port)
      : loop_(loop),
        port_(port),
        forwarder_(std::make_unique<Forwarder>(loop, clock, rng, options.forwarder)),
        resolver_(zone, *forwarder_, clock, options.cache) {}

  uint16_t port() const override { return port_; }
  const ResolverStats& stats() const override { return resolver_.stats(); }

  // On the loop.
  void Open(std::vector<SocketPair> sockets, const ServerOptions& options) {
    for (SocketPair& pair : sockets) {
      udp_.push_back(std::make_unique<UdpListener>(loop_, resolver_, std::move(pair.udp)));
      TcpListener::Limits limits{options.max_connections, options.max_connections_per_client, options.idle_timeout};
      tcp_.push_back(std::make_unique<TcpListener>(loop_, resolver_, std::move(pair.tcp), limits));
    }
  }

  void SetForwards(ForwardZones zones) override {
    loop_.Post([this, zones = std::move(zones)] {
      forwarder_->SetZones(zones);
      resolver_.Forget();
    });
  }

  Task<void> Stop() override { return RunOn(loop_, Close()); }

 private:
  Task<void> Close() {
    // Exchanges first: they hold replies to the listeners.
    forwarder_.reset();
    udp_.clear();
    tcp_.clear();
    co_await Yield();  // jobs that refer to the listeners have run
  }

  IoLoop& loop_;
  const uint16_t port_;
  std::unique_ptr<Forwarder> forwarder_;
  Resolver resolver_;
  std::vector<std::unique_ptr<UdpListener>> udp_;
  std::vector<std::unique_ptr<TcpListener>> tcp_;
};

}  // namespace

Result<std::unique_ptr<Server>> Listen(IoLoop& loop, Guarded<Zone>& zone, Clock& clock, Rng& rng, ServerOptions options) {
  TRY(std::vector<SocketPair> sockets, BindAll(options));
  uint16_t port = sockets.empty() ? options.port : sockets.front().port;
  auto server = std::make_unique<LoopServer>(loop, zone, clock, rng, options, port);
  loop.Post([opened = server.get(), sockets = std::move(sockets), options]() mutable {
    opened->Open(std::move(sockets), options);
  });
  return server;
}

}  // namespace sampan::dns
