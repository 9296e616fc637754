// HTTP/2, server side, by nghttp2: framing and flow control are its, requests, limits and waiting are ours.
#pragma once

#include <nghttp2/nghttp2.h>

#include <coroutine>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "async/gate.h"
#include "net/detail/http2_body.h"
#include "net/detail/session.h"

namespace sampan::net::detail {

// One request and its answer. Kept by the session until nghttp2 closes the stream, and by its handler.
struct Http2Stream {
  int32_t id = 0;
  Request request;
  std::shared_ptr<Http2Body> body;  // while its handler runs, if the request has one
  CancelSource gone;
  size_t header_bytes = 0;
  int refused_status = 0;  // answered with this without a handler; 0: not refused
  std::string_view refused_reason;
  bool received = false;  // the request is complete
  bool expects_continue = false;
  bool closed = false;      // nghttp2 has closed it
  bool answered = false;    // the answer has gone out whole
  size_t dropped = 0;       // of the request's body, since nobody reads it
  bool waited_for = false;  // for the rest of the request, by one tick already

  // The answer's body on its way.
  std::deque<Chunk> queue;
  size_t queued_bytes = 0;
  size_t sent_since_tick = 0;
  size_t sent_of_front = 0;
  bool finished = false;  // nothing follows the queue
  bool deferred = false;  // nghttp2 waits for more of it
  int stalled_ticks = 0;
  std::coroutine_handle<> drained;  // waits until little is queued
};

class Http2Session final : public Session {
 public:
  explicit Http2Session(SessionParts parts);
  ~Http2Session() override;
  Task<void> Run();

  void Drain() override;
  void CancelRequests() override;

  // For the response writer.
  const ServerShared& server() const { return *parts_.server; }
  IoLoop& loop() { return connection_.loop(); }
  void SubmitHead(Http2Stream& stream, int status, const Headers& headers, std::optional<size_t> content_length, bool body);
  void Enqueue(Http2Stream& stream, std::vector<Chunk> chunks);
  void ResumeData(Http2Stream& stream);
  void ResetStream(Http2Stream& stream, uint32_t code);

  // For the bodies: the reader waits for more, and has taken so much.
  void AskForBody(int32_t stream);
  void Consumed(int32_t stream, size_t bytes);

  // Whether the handler of this answer need not wait for its peer.
  bool MayLeave(const Http2Stream& stream) const {
    bool little = stream.queued_bytes <= kLowWater && queued_bytes_ <= kMostLeft;
    return stream.closed || stream.queued_bytes == 0 || little;
  }

 private:
  // What handlers leave behind takes memory that nothing else counts: of one answer, and of all of the connection.
  static constexpr size_t kLowWater = 64 * 1024;
  static constexpr size_t kMostLeft = 256 * 1024;

  friend struct Http2Callbacks;
  void Configure();
  Task<void> ReadLoop();
  Task<void> WriteLoop();
  Task<void> RunWriteLoop();
  Task<void> RunHandler(std::shared_ptr<Http2Stream> stream);
  void WakeWriter();
  bool Consume(std::span<const char> data);
  void UpdateDeadline();
  void OnStallTick();
  void OnBeginHead(nghttp2_session* session, int32_t id);
  bool OnHeader(Http2Stream& stream, std::string_view name, std::string_view value);
  void OnRequestHeaders(Http2Stream& stream, bool end);
  void OnData(int32_t id, Http2Stream* stream, std::string_view data);
  void OnRequestEnd(Http2Stream& stream);
  void OnStreamClose(Http2Stream& stream);
  void OnFrame(const nghttp2_frame& frame);
  void OnFrameSent(const nghttp2_frame& frame);
  void OnWindowUpdate();
  void CountControlFrame();
  void Dispatch(Http2Stream& stream);
  void Refuse(Http2Stream& stream, int status, std::string_view reason);
  ssize_t FillData(Http2Stream& stream, uint8_t* buffer, size_t length, uint32_t* flags);
  std::shared_ptr<Http2Stream> Find(int32_t id);

  SessionParts parts_;
  Connection& connection_;
  SessionRegistration registration_;
  Gate gate_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, std::shared_ptr<Http2Stream>> streams_;
  std::coroutine_handle<> writer_;
  IoLoop::Timer stall_timer_;
  bool receiving_head_ = false;
  size_t running_handlers_ = 0;  // a reset stream's handler counts until it ends
  size_t head_bytes_ = 0;        // of the requests whose handlers run
  size_t queued_bytes_ = 0;      // of all answers
  size_t control_frames_ = 0;    // since control_window_
  MonoTime control_window_{};
  size_t window_updates_owed_ = 0;  // that what was sent gives reason for
  bool draining_ = false;
  bool over_ = false;   // nothing is left to write, the GOAWAY included
  bool ended_ = false;  // Run() has left its loop
};

}  // namespace sampan::net::detail
