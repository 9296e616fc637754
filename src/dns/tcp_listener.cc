#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "dns/listeners.h"

namespace sampan::dns {

namespace {

constexpr size_t kMaxUnsent = 1 << 20;  // a client that asks but does not read is closed
constexpr int kMaxInFlight = 100;

}  // namespace

// Queries one after the other, each behind its length; responses as they come.
class TcpListener::Connection final : public IoLoop::Watcher, public std::enable_shared_from_this<Connection> {
 public:
  Connection(TcpListener& owner, os::Fd socket)
      : owner_(owner), socket_(std::move(socket)), timer_(owner.loop_, [this] { Close(); }) {}
  ~Connection() {
    if (socket_) owner_.loop_.Unwatch(socket_.get(), *this);
  }

  void Start() {
    timer_.Arm(owner_.idle_timeout_);
    owner_.loop_.Watch(socket_.get(), *this);
  }

  void OnReady(uint32_t events) override {
    std::shared_ptr<Connection> keep = shared_from_this();
    Write();
    Read();
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
    while (socket_) {
      ssize_t got = ::recv(socket_.get(), chunk, sizeof chunk, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return Close();
      input_.append(chunk, static_cast<size_t>(got));
      timer_.Arm(owner_.idle_timeout_);
      HandleInput();
    }
  }

  void HandleInput() {
    size_t at = 0;
    while (socket_ && input_.size() - at >= 2) {
      size_t length = static_cast<uint8_t>(input_[at]) << 8 | static_cast<uint8_t>(input_[at + 1]);
      if (input_.size() - at - 2 < length) break;
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
    owner_.resolver_.Later(message, Transport::kTcp, [weak = weak_from_this()](Bytes response) {
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
  std::string input_, output_;
  int in_flight_ = 0;
  IoLoop::Timer timer_;
};

TcpListener::TcpListener(IoLoop& loop, Resolver& resolver, os::Fd socket, size_t max_connections, Duration idle_timeout)
    : loop_(loop),
      resolver_(resolver),
      socket_(std::move(socket)),
      max_connections_(max_connections),
      idle_timeout_(idle_timeout) {
  loop_.Watch(socket_.get(), *this);
}

TcpListener::~TcpListener() {
  loop_.Unwatch(socket_.get(), *this);
}

void TcpListener::OnReady(uint32_t events) {
  while (true) {
    os::Fd accepted(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!accepted) return;
    if (connections_.size() >= max_connections_) continue;
    connections_.push_back(std::make_shared<Connection>(*this, std::move(accepted)));
    connections_.back()->Start();
  }
}

// The connection is on the stack, perhaps in its own timer: it dies by a job of the loop.
void TcpListener::Remove(Connection* connection) {
  for (auto it = connections_.begin(); it != connections_.end(); ++it) {
    if (it->get() != connection) continue;
    loop_.Post([dead = std::move(*it)] {});
    connections_.erase(it);
    return;
  }
}

}  // namespace sampan::dns
