// One socket on one I/O loop, with TLS or without: reads and writes that never block, and waits for both.
#pragma once

#include <openssl/ssl.h>

#include <coroutine>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "async/io_loop.h"
#include "async/task.h"
#include "base/error.h"
#include "net/detail/tls_stream.h"
#include "net/http.h"

namespace sampan::net::detail {

// Everything but Abort is for the loop's thread. One coroutine reads and one writes at a time; they run on the loop.
// A connection keeps no buffer while nothing is on its way: reads go to the caller's, writes through one of the thread's.
class Connection final : public IoLoop::Watcher, public std::enable_shared_from_this<Connection> {
 public:
  struct Waiter {
    Connection* connection;
    std::coroutine_handle<> Connection::* slot;
    bool await_ready() const noexcept { return connection->closed(); }
    void await_suspend(std::coroutine_handle<> handle) noexcept { connection->*slot = handle; }
    void await_resume() const noexcept {}
  };

  // Takes the descriptor, which is non-blocking.
  static std::shared_ptr<Connection> Create(IoLoop& loop, int fd);
  Connection(IoLoop& loop, int fd);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // From now on bytes go through `ssl`, which is in its accept or connect state.
  void StartTls(SslPtr ssl, SslContextPtr context);
  Task<Result<void>> Handshake();
  // The first byte that the peer sends, which stays unread: what a silent peer need not cost is made after it.
  Task<Result<char>> FirstByte();
  SSL* ssl() const { return tls_ == nullptr ? nullptr : &tls_->ssl(); }

  // Waits for a non-blocking connect to end.
  Task<Result<void>> Connected();

  enum class ReadState : unsigned char { kData, kWouldBlock, kEnd, kBroken };
  ReadState TryRead(std::span<char> buffer, size_t& length);
  // The thread's buffer for reads: filled and emptied between two suspensions, so connections share it.
  static std::span<char> ReadScratch();
  // Waits for the next change after kWouldBlock; resumes also when the connection breaks, the deadline passes or WakeReader
  // is called.
  Waiter Readable() { return {this, &Connection::reader_}; }
  void WakeReader() { WakeLater(&Connection::reader_); }
  bool read_expired() const { return read_expired_; }
  // As if the deadline had passed just now.
  void ExpireRead();
  // At least one byte; 0 at the end; ServiceUnavailable when broken, Timeout past the deadline.
  Task<Result<size_t>> Read(std::span<char> buffer);

  // Writes everything, `head` first; both stay valid until done.
  Task<Result<void>> Write(std::string_view head, std::span<const Chunk> chunks = {});
  // Writes what can be written at once without waiting; false when something is left for Flush().
  bool TryWrite(std::string_view data);
  Task<Result<void>> Flush();
  Task<void> CloseWrite();
  // After an answer to a request that was not read: the peer gets the answer before the connection breaks.
  Task<void> LingerAndClose();

  // A read that still waits that long from now ends with Timeout; zero: no limit. It stays until set anew.
  void SetReadDeadline(Duration from_now);
  // A write that makes no progress for that long ends with Timeout; zero: no limit.
  void SetWriteTimeout(Duration timeout) { write_timeout_ = timeout; }
  // Kept until the connection is closed: how its server counts it.
  void SetLease(std::shared_ptr<void> lease) { lease_ = std::move(lease); }
  // Called once, on the loop, when the peer hangs up or the connection breaks; it must not destroy the connection.
  void OnHangup(std::move_only_function<void()> callback);

  void Close();  // at once, waiting coroutines get an error
  void Abort();  // the same from any thread
  bool closed() const { return fd_ < 0; }
  bool hung_up() const { return hung_up_; }
  IoLoop& loop() const { return loop_; }
  int fd() const { return fd_; }
  Error BrokenError() const;

 private:
  friend struct SocketBio;
  void OnReady(uint32_t events) override;
  ssize_t Receive(char* buffer, size_t length);
  bool Encode(std::string_view data);
  void SendBuffered();
  void SendPending();
  void Break(std::string why);
  void WakeLater(std::coroutine_handle<> Connection::* slot);
  Waiter Writable() { return {this, &Connection::writer_}; }

  IoLoop& loop_;
  int fd_;
  bool drained_ = false;  // the last read emptied the kernel's buffer; a new edge will tell of more
  bool end_seen_ = false;
  bool hung_up_ = false;
  bool read_expired_ = false;
  bool write_expired_ = false;
  std::string broken_;   // why, when it is
  std::string pending_;  // bytes for the socket that the kernel did not take yet
  size_t pending_sent_ = 0;
  size_t taken_ = 0;  // of it since the write's time limit was set
  std::coroutine_handle<> reader_;
  std::coroutine_handle<> writer_;
  Duration write_timeout_{0};
  IoLoop::Timer read_timer_;
  IoLoop::Timer write_timer_;
  std::move_only_function<void()> on_hangup_;
  std::shared_ptr<void> lease_;
  std::unique_ptr<TlsStream> tls_;  // null: plain
};

// A connection as a Stream for callers on any executor. `unread` was received before the hand-over.
std::unique_ptr<Stream> NewConnectionStream(std::shared_ptr<Connection> connection, std::string unread);

}  // namespace sampan::net::detail
