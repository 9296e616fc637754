// The state of a SPDY session, shared by the session object, its streams and its own reader.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "async/channel.h"
#include "async/oneshot.h"
#include "net/detail/spdy_frame.h"
#include "net/detail/write_lock.h"
#include "net/spdy.h"

namespace sampan::net::detail {

struct SpdyStreamState {
  uint32_t id = 0;
  Headers headers;

  // Guarded by the session's mutex.
  std::string received;
  size_t unacknowledged = 0;  // read by the user, not yet given back to the peer's window
  bool peer_ended = false;
  bool we_ended = false;
  bool broken = false;  // reset by either side, or the session ended
  int64_t send_window = 0;
  std::optional<Oneshot<bool>::Sender> reader;   // waits for bytes or the end
  std::optional<Oneshot<bool>::Sender> writer;   // waits for the send window
  std::optional<Oneshot<bool>::Sender> opener;   // waits for SYN_REPLY: true when it came
  std::optional<Oneshot<bool>::Sender> drained;  // the session's reader waits until there is room
};
using SpdyStreamPtr = std::shared_ptr<SpdyStreamState>;

// Thread-safe. Callers keep it alive through each call.
class SpdyCore : public std::enable_shared_from_this<SpdyCore> {
 public:
  SpdyCore(Executor& executor, std::unique_ptr<Stream> stream, SpdySide side, SpdyOptions options);

  // Reads frames until the connection ends. Started once.
  Task<void> ReadLoop();
  // Our first frames: what we allow the peer to send.
  Task<Result<void>> Greet();

  Task<Result<SpdyStreamPtr>> Open(Headers headers);
  Task<std::optional<SpdyStreamPtr>> Accept() { return accepted_.Pop(); }
  Task<Result<void>> Ping();
  Task<void> SendGoAway();
  void Abort() { stream_->Abort(); }
  CancelToken gone() const { return gone_.token(); }
  Executor& executor() const { return executor_; }

  Task<Result<size_t>> Read(SpdyStreamPtr stream, std::span<char> buffer);
  Task<Result<void>> Write(SpdyStreamPtr stream, std::string_view data);
  Task<void> EndWrite(SpdyStreamPtr stream);
  // Forgets the stream at once and tells the peer later, unless both sides have ended it.
  void Reset(const SpdyStreamPtr& stream);
  // Done when the read loop has ended.
  Task<void> Ended();

 private:
  Task<Result<void>> Send(std::string frame);
  Task<void> SendLater(std::string frame);
  Task<bool> Handle(SpdyFrame frame);
  Task<void> OnSynStream(SpdyFrame frame);
  Task<void> OnData(SpdyFrame frame);
  void OnSynReply(const SpdyFrame& frame);
  void OnReset(const SpdyFrame& frame);
  void OnSettings(const SpdyFrame& frame);
  void OnWindowUpdate(const SpdyFrame& frame);
  Task<void> OnPing(SpdyFrame frame);
  void EndAll();
  SpdyStreamPtr Find(uint32_t id);
  void ForgetIfDone(SpdyStreamState& stream);
  void Break(SpdyStreamState& stream);

  Executor& executor_;
  const std::unique_ptr<Stream> stream_;
  const SpdySide side_;
  const SpdyOptions options_;
  Channel<SpdyStreamPtr> accepted_;
  CancelSource gone_;
  Oneshot<bool> ended_;
  SpdyReader reader_;  // the read loop's

  WriteLock write_lock_;
  HeaderDeflater deflater_;  // used by who holds write_lock_: blocks are compressed in the order they are sent

  std::mutex mutex_;  // guards everything below and the streams' states; never held while sending
  std::map<uint32_t, SpdyStreamPtr> streams_;
  std::map<uint32_t, Oneshot<bool>::Sender> pings_;
  uint32_t next_id_;
  uint32_t next_ping_;
  uint32_t last_peer_id_ = 0;
  size_t peer_streams_ = 0;
  size_t session_unacknowledged_ = 0;
  int64_t peer_initial_window_ = kSpdyDefaultWindow;
  // Peers exist that know no windows (Go's spdystream): windows count only once the peer has spoken of them. Such a peer is
  // told nothing either: frames that it has not read when it closes would make its kernel drop what it sent last.
  bool peer_has_windows_ = false;
  bool over_ = false;
  bool going_away_ = false;
};

}  // namespace sampan::net::detail
