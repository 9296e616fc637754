#include <netinet/in.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "base/contain.h"
#include "dns/listeners.h"

namespace sampan::dns {

namespace {

constexpr size_t kMaxUnsent = 1 << 20;  // a client that asks but does not read is closed
constexpr int kMaxInFlight = 100;
// Pieces that are read of one connection before the loop's other work gets its turn.
constexpr int kPiecesInTurn = 16;

}  // namespace

// Queries one after the other, each behind its length; responses as they come.
class TcpListener::Connection final : public IoLoop::Watcher, public std::enable_shared_from_this<Connection> {
 public:
  Connection(TcpListener& owner, os::Fd socket, IpAddress client)
      : owner_(owner), socket_(std::move(socket)), client_(client), timer_(owner.loop_, [this] { Close(); }) {}
  const IpAddress& client() const { return client_; }
  ~Connection() {
    if (socket_) owner_.loop_.Unwatch(socket_.get(), *this);
  }

  void Start() {
    timer_.Arm(owner_.limits_.idle_timeout);
    owner_.loop_.Watch(socket_.get(), *this);
  }

  // What escapes it costs the connection.
  void OnReady(uint32_t events) override {
    std::shared_ptr<Connection> keep = shared_from_this();
    bool whole = Contain("dns connection", [this] {
      Write();
      Read();
    });
    if (!whole) Close();
  }

 private:
  void Close() {
    if (!socket_) return;
    owner_.loop_.Unwatch(socket_.get(), *this);
    socket_.Reset();
    timer_.Disarm();
    owner_.Remove(this);
  }

  void Read() {
    char chunk[4096];
    for (int piece = 0; socket_; ++piece) {
      if (piece == kPiecesInTurn) return ReadLater();
      ssize_t got = ::recv(socket_.get(), chunk, sizeof chunk, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return Close();
      input_.append(chunk, static_cast<size_t>(got));
      HandleInput();
    }
  }

  void ReadLater() {
    owner_.loop_.Post([weak = weak_from_this()] {
      if (std::shared_ptr<Connection> self = weak.lock()) self->OnReady(0);
    });
  }

  void HandleInput() {
    size_t at = 0;
    while (socket_ && input_.size() - at >= 2) {
      size_t length = static_cast<uint8_t>(input_[at]) << 8 | static_cast<uint8_t>(input_[at + 1]);
      if (input_.size() - at - 2 < length) break;
      timer_.Arm(owner_.limits_.idle_timeout);
      Handle({reinterpret_cast<const uint8_t*>(input_.data()) + at + 2, length});
      at += length + 2;
    }
    input_.erase(0, at);
  }

  void Handle(Bytes message) {
    std::string buffer(kMaxMessageSize, '\0');
    std::span<uint8_t> room(reinterpret_cast<uint8_t*>(buffer.data()), buffer.size());
    Resolver::Step step = owner_.resolver_.Now(message, Transport::kTcp, room);
    if (step.kind == Resolver::Step::Kind::kDrop || in_flight_ >= kMaxInFlight) return Close();
    if (step.kind == Resolver::Step::Kind::kDone) return Send(room.first(step.size));
    ++in_flight_;
    owner_.resolver_.Later(message, {Transport::kTcp, client_}, [weak = weak_from_this()](Bytes response) {
      std::shared_ptr<Connection> self = weak.lock();
      if (self == nullptr) return;
      --self->in_flight_;
      self->Send(response);
    });
  }

  void Send(Bytes response) {
    if (!socket_) return;
    if (output_.size() + response.size() > kMaxUnsent) return Close();
    output_ += static_cast<char>(response.size() >> 8);
    output_ += static_cast<char>(response.size());
    output_.append(response.begin(), response.end());
    Write();
  }

  void Write() {
    while (socket_ && !output_.empty()) {
      ssize_t sent = ::send(socket_.get(), output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) return Close();
      output_.erase(0, static_cast<size_t>(sent));
    }
  }

  TcpListener& owner_;
  os::Fd socket_;
  const IpAddress client_;
  std::string input_, output_;
  int in_flight_ = 0;
  IoLoop::Timer timer_;
};

TcpListener::TcpListener(IoLoop& loop, Resolver& resolver, os::Fd socket, Limits limits)
    : loop_(loop), resolver_(resolver), socket_(std::move(socket)), limits_(limits) {
  loop_.Watch(socket_.get(), *this);
}

TcpListener::~TcpListener() {
  loop_.Unwatch(socket_.get(), *this);
}

void TcpListener::OnReady(uint32_t events) {
  while (true) {
    sockaddr_storage peer = {};
    socklen_t length = sizeof peer;
    os::Fd accepted(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!accepted) return;
    Contain("dns connection", [&] { Accept(std::move(accepted), peer); });
  }
}

void TcpListener::Accept(os::Fd accepted, const sockaddr_storage& peer) {
  IpAddress client = AddressOf(peer);
  auto held = clients_.find(client);
  if (connections_.size() >= limits_.connections || (held != clients_.end() && held->second >= limits_.per_client)) return;
  size_t& count = clients_[client];
  auto connection = std::make_shared<Connection>(*this, std::move(accepted), client);
  connections_.push_back(connection);
  ++count;
  connection->Start();
}

// The connection is on the stack, perhaps in its own timer: it dies by a job of the loop.
void TcpListener::Remove(Connection* connection) {
  for (auto it = connections_.begin(); it != connections_.end(); ++it) {
    if (it->get() != connection) continue;
    auto client = clients_.find(connection->client());
    if (--client->second == 0) clients_.erase(client);
    loop_.Post([dead = std::move(*it)] {});
    connections_.erase(it);
    return;
  }
}

}  // namespace sampan::dns
