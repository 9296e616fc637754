// SPDY/3.1 over a Stream, as exec, attach and port-forward speak it: many two-way streams on one upgraded connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "async/cancel.h"
#include "net/http.h"

namespace sampan::net {

enum class SpdySide : unsigned char { kServer, kClient };

struct SpdyOptions {
  size_t max_streams = 1000;             // open at a time, opened by the peer; more are refused
  size_t max_frame_bytes = 1024 * 1024;  // a longer frame ends the session
  size_t max_header_bytes = 64 * 1024;   // after inflation
  size_t receive_window = 256 * 1024;    // bytes a stream buffers while its reader is slow
};

// One stream. Read, Write and CloseWrite as in Stream: one reader and one writer at a time, any executor.
// The destructor resets the stream unless both sides have ended it.
class SpdyStream : public Stream {
 public:
  virtual uint32_t id() const = 0;
  // Of the SYN_STREAM that opened it: the peer's for an accepted stream, ours for an opened one.
  virtual const Headers& headers() const = 0;
  // Ends the stream in both directions: RST_STREAM with CANCEL. Abort() does the same. Any thread.
  virtual void Reset() = 0;
};

// Thread-safe. The session reads frames by itself from when it is made.
class SpdySession {
 public:
  virtual ~SpdySession() = default;  // drops the connection; streams that are left read an error

  // The next stream the peer opened, already answered with SYN_REPLY; nothing once the session ended.
  // One coroutine accepts at a time.
  virtual Task<std::optional<std::unique_ptr<SpdyStream>>> Accept() = 0;

  // Opens a stream; done when the peer has answered it. ServiceUnavailable when the session ended or the peer refused.
  virtual Task<Result<std::unique_ptr<SpdyStream>>> Open(Headers headers) = 0;

  // Round trip of a PING.
  virtual Task<Result<void>> Ping() = 0;

  // Sends GOAWAY after what was written before, then closes and waits until the session's own work has ended.
  virtual Task<void> Close() = 0;

  // Requested when the connection ended for whatever reason.
  virtual CancelToken gone() const = 0;
};

// `executor` runs the session's own coroutines; it outlives the session, and so does nothing else.
std::unique_ptr<SpdySession> NewSpdySession(Executor& executor, std::unique_ptr<Stream> stream, SpdySide side,
                                            SpdyOptions options = {});

// Whether the request asks for SPDY/3.1 (Connection: Upgrade, Upgrade: SPDY/3.1).
bool IsSpdyUpgrade(const Request& request);

}  // namespace sampan::net
