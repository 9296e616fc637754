#include "net/detail/connection.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "async/spawn.h"
#include "base/contain.h"

namespace sampan::net::detail {
namespace {

// One TLS record's worth: small chunks are gathered up to it, large ones are cut to it.
constexpr size_t kPiece = 16 * 1024;
// Bytes per send: enough to make the system call cheap, little enough to stay in the cache.
constexpr size_t kSendBytes = 128 * 1024;
// What a peer can make us queue by TLS messages of its own (key updates) without reading.
constexpr size_t kMaxUnreadReplies = 256 * 1024;
// How long the answer to a request that was not read may take to reach a client that is still sending: altogether, and
// without a sign of it.
constexpr std::chrono::seconds kLingerTime{30};
constexpr std::chrono::seconds kLingerSilence{2};
constexpr int kReadsATurn = 32;
constexpr size_t kReadBytes = 32 * 1024;

// What a peer must take of a write within the write's time limit.
constexpr size_t kLeastTaken = 16 * 1024;

// Scratch of the thread: filled and emptied between two suspensions, so connections share it.
struct Scratch {
  std::string output;
  std::array<char, kPiece> piece;
};
Scratch& ThreadScratch() {
  thread_local std::unique_ptr<Scratch> scratch = std::make_unique<Scratch>();
  return *scratch;
}

// The same for a connection that begins to fill it: what one left that failed on its way is no other's to send.
Scratch& FreshScratch() {
  Scratch& scratch = ThreadScratch();
  scratch.output.clear();
  return scratch;
}

// Walks over a head and chunks in pieces of up to kPiece bytes.
class PieceReader {
 public:
  PieceReader(std::string_view head, std::span<const Chunk> chunks) : current_(head), chunks_(chunks) {}

  // The next piece, valid until the next call; empty at the end.
  std::string_view Next(std::span<char> gather) {
    size_t gathered = 0;
    while (gathered < gather.size()) {
      if (current_.empty()) {
        if (chunks_.empty()) break;
        current_ = chunks_.front().data;
        chunks_ = chunks_.subspan(1);
        continue;
      }
      size_t room = gather.size() - gathered;
      if (gathered == 0 && current_.size() >= room) return Take(room);
      std::string_view part = Take(std::min(room, current_.size()));
      std::memcpy(gather.data() + gathered, part.data(), part.size());
      gathered += part.size();
    }
    return {gather.data(), gathered};
  }

 private:
  std::string_view Take(size_t length) {
    std::string_view part = current_.substr(0, length);
    current_.remove_prefix(length);
    return part;
  }
  std::string_view current_;
  std::span<const Chunk> chunks_;
};

}  // namespace

// OpenSSL reads and writes through this BIO: it knows when the socket is drained, and collects records for one send. Nothing
// is thrown through OpenSSL's frames.
struct SocketBio {
  static int Read(BIO* bio, char* buffer, int length) {
    auto* connection = static_cast<Connection*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    ssize_t received = -1;
    if (!Contain("connection", [&] { received = connection->Receive(buffer, static_cast<size_t>(length)); })) return -1;
    if (received < 0 && connection->broken_.empty()) BIO_set_retry_read(bio);
    return static_cast<int>(received);
  }
  static int Write(BIO* bio, const char* data, int length) {
    BIO_clear_retry_flags(bio);
    bool taken = Contain("connection", [&] { ThreadScratch().output.append(data, static_cast<size_t>(length)); });
    return taken ? length : -1;
  }
  static long Control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return static_cast<Connection*>(BIO_get_data(bio))->end_seen_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static const BIO_METHOD* Method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sampan socket");
      BIO_meth_set_read(made, Read);
      BIO_meth_set_write(made, Write);
      BIO_meth_set_ctrl(made, Control);
      return made;
    }();
    return method;
  }
};

std::span<char> Connection::ReadScratch() {
  thread_local std::unique_ptr<std::array<char, kReadBytes>> scratch = std::make_unique<std::array<char, kReadBytes>>();
  return *scratch;
}

std::shared_ptr<Connection> Connection::Create(IoLoop& loop, int fd) {
  return std::make_shared<Connection>(loop, fd);
}

Connection::Connection(IoLoop& loop, int fd)
    : loop_(loop), fd_(fd), read_timer_(loop, [this] { ExpireRead(); }), write_timer_(loop, [this] {
        write_expired_ = true;
        WakeLater(&Connection::writer_);
      }) {
  loop_.Watch(fd_, *this);
}

Connection::~Connection() {
  Close();
}

void Connection::StartTls(SslPtr ssl, SslContextPtr context) {
  BIO* bio = BIO_new(SocketBio::Method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  tls_ = std::make_unique<TlsStream>(std::move(ssl), std::move(context));
}

Error Connection::BrokenError() const {
  return Error::ServiceUnavailable("connection broken: {}", broken_.empty() ? "closed" : broken_);
}

void Connection::Break(std::string why) {
  if (broken_.empty()) broken_ = std::move(why);
}

void Connection::WakeLater(std::coroutine_handle<> Connection::* slot) {
  if (std::coroutine_handle<> handle = std::exchange(this->*slot, nullptr)) loop_.Resume(handle);
}

void Connection::OnReady(uint32_t events) {
  std::shared_ptr<Connection> keep = shared_from_this();  // a coroutine resumed below may drop the last other owner
  bool hangup = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if (hangup) hung_up_ = true;
  if (!pending_.empty() && (events & EPOLLOUT) != 0) SendPending();
  if (writer_ && (pending_.empty() || hangup)) std::exchange(writer_, nullptr).resume();
  if (hangup || (events & EPOLLIN) != 0) {
    drained_ = false;
    if (reader_) std::exchange(reader_, nullptr).resume();
  }
  if (hangup && on_hangup_) std::exchange(on_hangup_, nullptr)();
}

void Connection::OnHangup(std::move_only_function<void()> callback) {
  on_hangup_ = std::move(callback);
  if (hung_up_ && on_hangup_) std::exchange(on_hangup_, nullptr)();
}

ssize_t Connection::Receive(char* buffer, size_t length) {
  if (drained_ && !hung_up_) return -1;
  while (true) {
    ssize_t received = recv(fd_, buffer, length, 0);
    if (received >= 0) {
      drained_ = static_cast<size_t>(received) < length;
      end_seen_ = received == 0;
      return received;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      drained_ = true;
      // After a hang-up there is no further edge to wait for; the kernel still reports the end by itself.
      if (hung_up_) Break("closed by the peer");
      return -1;
    }
    Break(strerror(errno));
    return -1;
  }
}

Connection::ReadState Connection::TryRead(std::span<char> buffer, size_t& length) {
  if (closed() || !broken_.empty()) return ReadState::kBroken;
  if (tls_ == nullptr) {
    ssize_t received = Receive(buffer.data(), buffer.size());
    length = static_cast<size_t>(received);
    if (received > 0) return ReadState::kData;
    if (received == 0) return ReadState::kEnd;
    return broken_.empty() ? ReadState::kWouldBlock : ReadState::kBroken;
  }
  FreshScratch();
  TlsStream::Outcome outcome = tls_->Read(buffer, length);
  if (!ThreadScratch().output.empty()) SendBuffered();  // answers to key updates
  if (outcome == TlsStream::Outcome::kDone) return ReadState::kData;
  if (pending_.size() > kMaxUnreadReplies) Break("the peer does not read");
  if (outcome == TlsStream::Outcome::kWantRead && broken_.empty()) return ReadState::kWouldBlock;
  if (outcome == TlsStream::Outcome::kEnd) return ReadState::kEnd;
  Break(tls_->error());
  return ReadState::kBroken;
}

Task<Result<size_t>> Connection::Read(std::span<char> buffer) {
  while (true) {
    size_t length = 0;
    switch (TryRead(buffer, length)) {
      case ReadState::kData:
        co_return length;
      case ReadState::kEnd:
        co_return size_t{0};
      case ReadState::kBroken:
        co_return Fail(BrokenError());
      case ReadState::kWouldBlock:
        break;
    }
    if (read_expired_) co_return Fail(Error::Timeout("the peer sent nothing in time"));
    co_await Readable();
  }
}

void Connection::SetReadDeadline(Duration from_now) {
  read_expired_ = false;
  if (from_now > Duration::zero()) {
    read_timer_.Arm(from_now);
  } else {
    read_timer_.Disarm();
  }
}

void Connection::ExpireRead() {
  read_expired_ = true;
  WakeLater(&Connection::reader_);
}

Task<Result<void>> Connection::Handshake() {
  while (true) {
    if (closed()) co_return Fail(BrokenError());
    FreshScratch();
    TlsStream::Outcome outcome = tls_->Handshake();
    SendBuffered();
    if (outcome == TlsStream::Outcome::kDone) co_return Result<void>();
    if (outcome != TlsStream::Outcome::kWantRead || !broken_.empty()) {
      Break(tls_->error());
      co_return Fail(Error::ServiceUnavailable("TLS handshake: {}", broken_));
    }
    if (read_expired_) co_return Fail(Error::Timeout("TLS handshake: the peer sent nothing in time"));
    co_await Readable();
  }
}

Task<Result<char>> Connection::FirstByte() {
  while (true) {
    if (closed()) co_return Fail(BrokenError());
    char byte = 0;
    if (recv(fd_, &byte, 1, MSG_PEEK) >= 0) co_return byte;
    if (errno != EAGAIN && errno != EINTR) Break(strerror(errno));
    if (!broken_.empty()) co_return Fail(BrokenError());
    if (read_expired_) co_return Fail(Error::Timeout("the peer sent nothing in time"));
    co_await Readable();
  }
}

Task<Result<void>> Connection::Connected() {
  while (true) {
    if (closed()) co_return Fail(BrokenError());
    int error = 0;
    socklen_t length = sizeof(error);
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) co_return Fail(Error::ServiceUnavailable("{}", strerror(error)));
    sockaddr_storage peer;
    length = sizeof(peer);
    if (getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &length) == 0) break;
    if (write_expired_) co_return Fail(Error::Timeout("no answer in time"));
    if (write_timeout_ > Duration::zero()) write_timer_.Arm(write_timeout_);
    co_await Writable();
    write_timer_.Disarm();
  }
  hung_up_ = false;  // an unconnected socket reports itself as hung up
  drained_ = false;
  co_return Result<void>();
}

bool Connection::Encode(std::string_view data) {
  if (data.empty()) return true;
  if (tls_ == nullptr) {
    ThreadScratch().output.append(data);
    return true;
  }
  if (tls_->Write(data) == TlsStream::Outcome::kDone) return true;
  Break(tls_->error());
  return false;
}

void Connection::SendBuffered() {
  std::string& output = ThreadScratch().output;
  if (!pending_.empty()) {
    pending_.append(output);
    output.clear();
    return;
  }
  size_t sent = 0;
  while (sent < output.size()) {
    ssize_t n = send(fd_, output.data() + sent, output.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      pending_.assign(output, sent);
      break;
    } else if (errno != EINTR) {
      Break(strerror(errno));
      break;
    }
  }
  output.clear();
}

void Connection::SendPending() {
  while (pending_sent_ < pending_.size()) {
    ssize_t n = send(fd_, pending_.data() + pending_sent_, pending_.size() - pending_sent_, MSG_NOSIGNAL);
    if (n >= 0) {
      pending_sent_ += static_cast<size_t>(n);
      taken_ += static_cast<size_t>(n);
      if (taken_ >= kLeastTaken && write_timer_.armed()) {
        taken_ = 0;
        write_timer_.Arm(write_timeout_);
      }
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      Break(strerror(errno));
      break;
    }
  }
  std::string().swap(pending_);
  pending_sent_ = 0;
}

bool Connection::TryWrite(std::string_view data) {
  if (closed() || !broken_.empty()) return true;
  FreshScratch();
  if (!Encode(data)) return true;
  SendBuffered();
  return pending_.empty();
}

Task<Result<void>> Connection::Flush() {
  while (!pending_.empty() && !closed() && broken_.empty()) {
    if (write_expired_) co_return Fail(Error::Timeout("the peer does not read"));
    taken_ = 0;
    if (write_timeout_ > Duration::zero()) write_timer_.Arm(write_timeout_);
    co_await Writable();
    write_timer_.Disarm();
    if (hung_up_ && !closed() && !pending_.empty()) SendPending();
  }
  if (closed() || !broken_.empty()) co_return Fail(BrokenError());
  co_return Result<void>();
}

Task<Result<void>> Connection::Write(std::string_view head, std::span<const Chunk> chunks) {
  PieceReader pieces(head, chunks);
  bool more = true;
  while (more) {
    if (closed() || !broken_.empty()) co_return Fail(BrokenError());
    Scratch& scratch = FreshScratch();
    while (scratch.output.size() < kSendBytes) {
      std::string_view piece = pieces.Next(scratch.piece);
      more = !piece.empty();
      if (!more || !Encode(piece)) break;
    }
    SendBuffered();
    if (!broken_.empty()) co_return Fail(BrokenError());
    if (!pending_.empty()) CO_TRY_VOID(co_await Flush());
  }
  co_return Result<void>();
}

Task<void> Connection::CloseWrite() {
  if (closed()) co_return;
  if (tls_ != nullptr && broken_.empty()) {
    FreshScratch();
    tls_->Shutdown();
    SendBuffered();
  }
  auto flushed = co_await Flush();
  if (flushed) shutdown(fd_, SHUT_WR);
}

Task<void> Connection::LingerAndClose() {
  co_await CloseWrite();
  SetReadDeadline(kLingerSilence);
  MonoTime given_up = std::chrono::steady_clock::now() + kLingerTime;
  for (int reads = 1; !closed() && !read_expired_; ++reads) {
    size_t length = 0;
    ReadState state = TryRead(ReadScratch(), length);
    if (state == ReadState::kWouldBlock) {
      co_await Readable();
      if (!read_expired_) SetReadDeadline(kLingerSilence);
    } else if (state != ReadState::kData || std::chrono::steady_clock::now() > given_up) {
      break;
    } else if (reads % kReadsATurn == 0) {
      co_await Yield();
    }
  }
  Close();
}

void Connection::Close() {
  if (closed()) return;
  if (tls_ != nullptr && broken_.empty() && pending_.empty()) {
    FreshScratch();
    tls_->Shutdown();
    SendBuffered();
  }
  loop_.Unwatch(fd_, *this);
  close(std::exchange(fd_, -1));
  read_timer_.Disarm();
  write_timer_.Disarm();
  std::string().swap(pending_);
  WakeLater(&Connection::reader_);
  WakeLater(&Connection::writer_);
  lease_.reset();
  hung_up_ = true;
  if (on_hangup_) std::exchange(on_hangup_, nullptr)();
}

void Connection::Abort() {
  loop_.Post([self = shared_from_this()] { self->Close(); });
}

}  // namespace sampan::net::detail
