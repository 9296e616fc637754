#include "net/detail/http2_session.h"

#include <charconv>

#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "net/detail/http2_writer.h"
#include "net/detail/nghttp2_text.h"
#include "net/detail/turn.h"

namespace sampan::net::detail {
namespace {

constexpr size_t kWriteBytes = 64 * 1024;
// A stream's window until its handler waits for the body, and then. The connection's does not depend on the handlers, so
// that a body which nobody reads holds up no other stream.
constexpr int32_t kStreamWindow = 64 * 1024;
constexpr int32_t kReadStreamWindow = 256 * 1024;
constexpr int32_t kConnectionWindow = 1024 * 1024;
// The peer may send as many window updates as this many bytes sent to it give reason for.
constexpr size_t kBytesAWindowUpdate = 1024;
// What a peer must take between two ticks of what waits for it.
constexpr size_t kLeastTaken = 16 * 1024;
// Frames that cost work but carry nothing (PING, SETTINGS, PRIORITY, RST_STREAM, empty DATA) within one window.
constexpr size_t kMaxControlFrames = 3000;
constexpr std::chrono::seconds kControlWindow{10};
constexpr size_t kMaxHeaderFields = 200;
// A few bytes on the wire name a long field again and again. One head of more than this ends the connection; of the heads
// of a connection's running requests no more is kept, and who sends more has to wait for an answer.
constexpr size_t kMaxHeadBytes = 1024 * 1024;
// What is taken of a body that nobody reads. A client that is told to stop at once may drop the answer that came with it
// (curl 7.88 does); most end by themselves when they see it.
constexpr size_t kMaxDropped = 8 * 1024 * 1024;

}  // namespace

// nghttp2 calls these from within mem_recv and mem_send; nothing may be thrown through its frames.
struct Http2Callbacks {
  static Http2Stream* StreamOf(nghttp2_session* session, int32_t id) {
    return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static Http2Session& Self(void* user) { return *static_cast<Http2Session*>(user); }

  static int BeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    return SafeCallback([&] { Self(user).OnBeginHead(session, frame->hd.stream_id); });
  }

  static int Header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_length,
                    const uint8_t* value, size_t value_length, uint8_t, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Http2Stream* stream = StreamOf(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    bool bearable = false;
    int done = SafeCallback(
        [&] { bearable = Self(user).OnHeader(*stream, FrameText(name, name_length), FrameText(value, value_length)); });
    return bearable ? done : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int Data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t length, void* user) {
    Http2Stream* stream = StreamOf(session, id);
    return SafeCallback([&] { Self(user).OnData(id, stream, FrameText(data, length)); });
  }

  static int Frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return SafeCallback([&] { Self(user).OnFrame(*frame); });
  }

  static int FrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return SafeCallback([&] { Self(user).OnFrameSent(*frame); });
  }

  static int StreamClose(nghttp2_session* session, int32_t id, uint32_t, void* user) {
    Http2Stream* stream = StreamOf(session, id);
    if (stream == nullptr) return 0;
    return SafeCallback([&] { Self(user).OnStreamClose(*stream); });
  }

  static ssize_t ReadBody(nghttp2_session*, int32_t, uint8_t* buffer, size_t length, uint32_t* flags,
                          nghttp2_data_source* source, void* user) {
    ssize_t filled = NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream
    Contain("request",
            [&] { filled = Self(user).FillData(*static_cast<Http2Stream*>(source->ptr), buffer, length, flags); });
    return filled;
  }
};

Http2Session::Http2Session(SessionParts parts)
    : parts_(std::move(parts)),
      connection_(*parts_.connection),
      registration_(parts_, *this),
      stall_timer_(connection_.loop(), [this] { OnStallTick(); }) {}

Http2Session::~Http2Session() {
  nghttp2_session_del(session_);
}

void Http2Session::Configure() {
  const ServerOptions& options = parts_.server->options;
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  CHECK(nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Http2Callbacks::BeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Http2Callbacks::Header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Http2Callbacks::Data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Http2Callbacks::Frame);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Http2Callbacks::FrameSent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Http2Callbacks::StreamClose);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_stream_reset_rate_limit(option, 1000, 100);
  CHECK(nghttp2_session_server_new2(&session_, callbacks, this, option) == 0);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<uint32_t>(options.max_concurrent_streams)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(kStreamWindow)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(options.max_header_bytes)},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Task<void> Http2Session::Run() {
  Configure();
  connection_.SetWriteTimeout(parts_.server->options.write_timeout);
  Spawn(loop(), gate_, RunWriteLoop());
  co_await Contained("connection", ReadLoop());
  ended_ = true;
  CancelRequests();
  WakeWriter();  // it writes the GOAWAY, if there is one, and ends
  co_await gate_.Close();
  parts_.place->Set(Stage::kUnproven);
  // A peer that is still sending would otherwise lose the GOAWAY to a reset of the connection.
  co_await connection_.LingerAndClose();
}

Task<void> Http2Session::ReadLoop() {
  Turn turn;
  while (true) {
    std::span<char> scratch = Connection::ReadScratch();
    size_t length = 0;
    Connection::ReadState state = connection_.TryRead(scratch, length);
    if (state == Connection::ReadState::kData) {
      if (!Consume(scratch.first(length))) co_return;
      if (turn.Over()) co_await Yield();
    } else if (state == Connection::ReadState::kWouldBlock) {
      if (over_ || connection_.read_expired()) co_return;
      UpdateDeadline();
      co_await connection_.Readable();
      turn.Begin();
    } else {
      co_return;
    }
  }
}

// False when the connection is over.
bool Http2Session::Consume(std::span<const char> data) {
  ssize_t used = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(data.data()), data.size());
  if (used < 0) {
    LOG_DEBUG("net", "{}: HTTP/2: {}", parts_.remote_address, nghttp2_strerror(static_cast<int>(used)));
    return false;
  }
  WakeWriter();
  return nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
}

void Http2Session::WakeWriter() {
  if (std::coroutine_handle<> handle = std::exchange(writer_, nullptr)) loop().Resume(handle);
}

Task<void> Http2Session::RunWriteLoop() {
  bool ended = co_await Contained("connection", WriteLoop());
  if (!ended) connection_.Close();
}

Task<void> Http2Session::WriteLoop() {
  struct Idle {
    std::coroutine_handle<>* slot;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { *slot = handle; }
    void await_resume() const noexcept {}
  };
  std::string output;
  while (true) {
    while (output.size() < kWriteBytes) {
      const uint8_t* data = nullptr;
      ssize_t length = nghttp2_session_mem_send(session_, &data);
      if (length < 0) co_return connection_.Close();
      if (length == 0) break;
      output.append(FrameText(data, static_cast<size_t>(length)));
    }
    if (!output.empty()) {
      auto written = co_await connection_.Write(output);
      output.clear();
      if (written) continue;
      connection_.Close();
      co_return;
    }
    bool over = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
    if (over || (draining_ && streams_.empty())) {
      over_ = true;
      connection_.ExpireRead();  // Run() ends it
      co_return;
    }
    if (ended_) co_return;
    std::string().swap(output);
    co_await Idle{&writer_};
  }
}

void Http2Session::UpdateDeadline() {
  const ServerOptions& options = parts_.server->options;
  connection_.SetReadDeadline(receiving_head_    ? options.header_timeout
                              : streams_.empty() ? options.idle_timeout
                                                 : Duration::zero());
  if (!streams_.empty() && !stall_timer_.armed()) stall_timer_.Arm(options.write_timeout / 2);
}

// A peer that leaves a stream's window closed holds what is queued there; it loses the stream, not the connection.
void Http2Session::OnStallTick() {
  for (auto& [id, stream] : streams_) {
    bool stalls = stream->queued_bytes > 0 && std::exchange(stream->sent_since_tick, 0) < kLeastTaken;
    stream->stalled_ticks = stalls ? stream->stalled_ticks + 1 : 0;
    if (stream->stalled_ticks > 2) ResetStream(*stream, NGHTTP2_CANCEL);
    bool sends_on = stream->answered && !stream->received;
    if (sends_on && std::exchange(stream->waited_for, true)) ResetStream(*stream, NGHTTP2_NO_ERROR);
  }
  if (!streams_.empty()) stall_timer_.Arm(parts_.server->options.write_timeout / 2);
}

void Http2Session::OnBeginHead(nghttp2_session* session, int32_t id) {
  auto stream = std::make_shared<Http2Stream>();
  stream->id = id;
  nghttp2_session_set_stream_user_data(session, id, stream.get());
  streams_.emplace(id, std::move(stream));
  receiving_head_ = true;
}

void Http2Session::OnFrame(const nghttp2_frame& frame) {
  bool end = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  bool data = frame.hd.type == NGHTTP2_DATA;
  if (frame.hd.type == NGHTTP2_WINDOW_UPDATE) return OnWindowUpdate();
  if (!data && frame.hd.type != NGHTTP2_HEADERS) return CountControlFrame();
  if (data && frame.hd.length == 0 && !end) CountControlFrame();
  bool head = !data && frame.headers.cat == NGHTTP2_HCAT_REQUEST;
  if (head) receiving_head_ = false;
  Http2Stream* stream = Http2Callbacks::StreamOf(session_, frame.hd.stream_id);
  if (stream == nullptr) return;
  if (head) return OnRequestHeaders(*stream, end);
  if (end) OnRequestEnd(*stream);
}

// A client that is answered while it still sends may end its request, within limits; then it is told to stop (RFC 9113,
// 8.1).
void Http2Session::OnFrameSent(const nghttp2_frame& frame) {
  bool end =
      (frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS) && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (!end) return;
  Http2Stream* stream = Http2Callbacks::StreamOf(session_, frame.hd.stream_id);
  if (stream != nullptr) stream->answered = true;
}

void Http2Session::OnWindowUpdate() {
  if (window_updates_owed_ == 0) return CountControlFrame();
  --window_updates_owed_;
}

void Http2Session::CountControlFrame() {
  MonoTime now = std::chrono::steady_clock::now();
  if (now - control_window_ > kControlWindow) {
    control_window_ = now;
    control_frames_ = 0;
  }
  if (++control_frames_ == kMaxControlFrames) nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
}

// False when it is time to end the connection.
bool Http2Session::OnHeader(Http2Stream& stream, std::string_view name, std::string_view value) {
  stream.header_bytes += name.size() + value.size() + 32;
  if (stream.header_bytes > parts_.server->options.max_header_bytes ||
      stream.request.headers.items().size() >= kMaxHeaderFields) {
    stream.refused_status = 431;
    stream.refused_reason = "header fields too large";
    return stream.header_bytes <= kMaxHeadBytes;
  }
  Request& request = stream.request;
  if (name == ":method") {
    request.method = value;
  } else if (name == ":path") {
    size_t question = value.find('?');
    request.path = value.substr(0, question);
    if (question != std::string_view::npos) request.query = value.substr(question + 1);
    bool plain = std::ranges::all_of(value, [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; });
    if (!plain || value.empty() || (value.front() != '/' && value != "*")) {
      stream.refused_status = 400;
      stream.refused_reason = "malformed request target";
    }
  } else if (name == ":authority") {
    request.headers.Add("host", std::string(value));
  } else if (!name.starts_with(':')) {
    if (name == "host" && request.headers.Has("host")) return true;
    request.headers.Add(std::string(name), std::string(value));
  }
  return true;
}

void Http2Session::OnRequestHeaders(Http2Stream& stream, bool end) {
  stream.received = end;
  if (stream.refused_status != 0) return Refuse(stream, stream.refused_status, stream.refused_reason);
  stream.expects_continue = !end && stream.request.headers.Get("expect") == "100-continue";
  Dispatch(stream);
}

void Http2Session::OnData(int32_t id, Http2Stream* stream, std::string_view data) {
  nghttp2_session_consume_connection(session_, data.size());
  if (stream == nullptr || stream->body == nullptr) {
    nghttp2_session_consume_stream(session_, id, data.size());
    if (stream == nullptr) return;
    stream->dropped += data.size();
    if (stream->answered && stream->dropped > kMaxDropped) ResetStream(*stream, NGHTTP2_NO_ERROR);
  } else if (!stream->body->Push(data)) {
    stream->body->Detach();
    stream->body.reset();
  }
}

void Http2Session::OnRequestEnd(Http2Stream& stream) {
  stream.received = true;
  if (stream.body != nullptr) stream.body->Complete();
}

void Http2Session::AskForBody(int32_t id) {
  std::shared_ptr<Http2Stream> stream = Find(id);
  if (stream == nullptr || stream->received) return;
  if (std::exchange(stream->expects_continue, false)) {
    nghttp2_nv status = HeaderField(":status", "100");
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, &status, 1, nullptr);
  }
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, id, kReadStreamWindow);
  WakeWriter();
}

void Http2Session::Consumed(int32_t id, size_t bytes) {
  nghttp2_session_consume_stream(session_, id, bytes);
  WakeWriter();
}

void Http2Session::Dispatch(Http2Stream& stream) {
  if (running_handlers_ >= 2 * parts_.server->options.max_concurrent_streams ||
      head_bytes_ + stream.header_bytes > kMaxHeadBytes) {
    return ResetStream(stream, NGHTTP2_REFUSED_STREAM);
  }
  parts_.place->Set(Stage::kBusy);
  Request& request = stream.request;
  request.version = HttpVersion::kHttp2;
  request.remote_address = parts_.remote_address;
  request.peer = parts_.peer;
  request.gone = stream.gone.token();
  if (!stream.received) {
    std::optional<uint64_t> length;
    uint64_t value = 0;
    std::string_view text = request.headers.Get("content-length");
    auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && rest == text.data() + text.size()) length = value;
    ServerBody::Terms terms{loop(), parts_.connections->bodies, parts_.client, length};
    stream.body = std::make_shared<Http2Body>(std::move(terms), parts_.server->options.body_pace, *this, stream.id);
    request.body = stream.body;
  }
  ++running_handlers_;
  head_bytes_ += stream.header_bytes;
  Spawn(loop(), gate_, RunHandler(Find(stream.id)));
}

Task<void> Http2Session::RunHandler(std::shared_ptr<Http2Stream> stream) {
  {
    Http2Writer writer(*this, *stream);
    bool escaped = false;
    try {
      co_await parts_.server->handler(stream->request, writer);
    } catch (...) {
      (void)ReportEscape("request");
      escaped = true;
    }
    co_await Contained("request", writer.End(escaped ? Http2Writer::Ended::kThrown : Http2Writer::Ended::kReturned));
  }
  if (stream->body != nullptr) stream->body->Detach();
  stream->body.reset();
  stream->request = Request();  // the stream may stay for as long as its peer likes
  head_bytes_ -= stream->header_bytes;
  --running_handlers_;
}

void Http2Session::Refuse(Http2Stream& stream, int status, std::string_view reason) {
  Response response = parts_.server->ErrorResponse(status, reason);
  size_t length = 0;
  for (const Chunk& chunk : response.body) length += chunk.data.size();
  stream.finished = true;
  Enqueue(stream, std::move(response.body));
  SubmitHead(stream, response.status, response.headers, length, length > 0);
}

void Http2Session::SubmitHead(Http2Stream& stream, int status, const Headers& headers, std::optional<size_t> length,
                              bool body) {
  if (stream.closed) return;
  std::vector<nghttp2_nv> fields;
  fields.reserve(headers.items().size() + 3);
  std::string status_text = fmt::format("{}", status);
  std::string length_text = length ? fmt::format("{}", *length) : std::string();
  fields.push_back(HeaderField(":status", status_text));
  for (const auto& [name, value] : headers.items()) {
    bool ours = name == "content-length" || name == "transfer-encoding" || name == "connection" || name == "upgrade" ||
                name == "keep-alive";
    if (!ours) fields.push_back(HeaderField(name, value));
  }
  if (length) fields.push_back(HeaderField("content-length", length_text));
  fields.push_back(HeaderField("date", HttpDate()));
  nghttp2_data_provider provider{.source = {.ptr = &stream}, .read_callback = Http2Callbacks::ReadBody};
  int failed = nghttp2_submit_response(session_, stream.id, fields.data(), fields.size(), body ? &provider : nullptr);
  if (failed != 0) return ResetStream(stream, NGHTTP2_INTERNAL_ERROR);
  WakeWriter();
}

void Http2Session::Enqueue(Http2Stream& stream, std::vector<Chunk> chunks) {
  for (Chunk& chunk : chunks) {
    if (chunk.data.empty()) continue;
    stream.queued_bytes += chunk.data.size();
    queued_bytes_ += chunk.data.size();
    stream.queue.push_back(std::move(chunk));
  }
}

void Http2Session::ResumeData(Http2Stream& stream) {
  if (stream.closed || !std::exchange(stream.deferred, false)) return;
  nghttp2_session_resume_data(session_, stream.id);
  WakeWriter();
}

void Http2Session::ResetStream(Http2Stream& stream, uint32_t code) {
  if (stream.closed) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, code);
  WakeWriter();
}

ssize_t Http2Session::FillData(Http2Stream& stream, uint8_t* buffer, size_t length, uint32_t* flags) {
  size_t filled = 0;
  while (filled < length && !stream.queue.empty()) {
    std::string_view front = stream.queue.front().data.substr(stream.sent_of_front);
    size_t part = std::min(front.size(), length - filled);
    std::memcpy(buffer + filled, front.data(), part);
    filled += part;
    stream.sent_of_front += part;
    if (part == front.size()) {
      stream.queue.pop_front();
      stream.sent_of_front = 0;
    }
  }
  stream.queued_bytes -= filled;
  queued_bytes_ -= filled;
  stream.sent_since_tick += filled;
  window_updates_owed_ += 1 + filled / kBytesAWindowUpdate;
  if (stream.drained && MayLeave(stream)) {
    loop().Resume(std::exchange(stream.drained, nullptr));
  }
  if (stream.queue.empty() && stream.finished) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  } else if (filled == 0) {
    stream.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(filled);
}

void Http2Session::OnStreamClose(Http2Stream& stream) {
  std::shared_ptr<Http2Stream> keep = Find(stream.id);
  stream.closed = true;
  if (stream.body != nullptr && !stream.received) stream.body->Break();
  stream.received = true;
  stream.queue.clear();
  queued_bytes_ -= std::exchange(stream.queued_bytes, 0);
  streams_.erase(stream.id);
  if (stream.drained) loop().Resume(std::exchange(stream.drained, nullptr));
  stream.gone.Cancel();
  if (!streams_.empty()) return;
  parts_.place->Set(Stage::kIdle);
  connection_.SetReadDeadline(parts_.server->options.idle_timeout);
  if (draining_) WakeWriter();
}

std::shared_ptr<Http2Stream> Http2Session::Find(int32_t id) {
  auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second;
}

void Http2Session::Drain() {
  if (session_ == nullptr || std::exchange(draining_, true)) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  WakeWriter();
}

void Http2Session::CancelRequests() {
  std::vector<std::shared_ptr<Http2Stream>> open;
  for (auto& [id, stream] : streams_) open.push_back(stream);
  for (auto& stream : open) {
    if (ended_ && stream->body != nullptr) stream->body->Break();
    if (ended_) stream->closed = true;
    if (ended_ && stream->drained) loop().Resume(std::exchange(stream->drained, nullptr));
    stream->gone.Cancel();
  }
}

Task<void> ServeHttp2(SessionParts parts) {
  Http2Session session(std::move(parts));
  co_await session.Run();
}

}  // namespace sampan::net::detail
