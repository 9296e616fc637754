#include "net/detail/http2_client.h"

#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "net/detail/nghttp2_text.h"

namespace sampan::net::detail {
namespace {

constexpr size_t kWriteBytes = 64 * 1024;
constexpr size_t kUploadBytes = 64 * 1024;
constexpr int kReadsATurn = 32;
constexpr int32_t kStreamWindow = 512 * 1024;
// Does not depend on the readers, so that an answer which nobody reads holds up no other.
constexpr int32_t kConnectionWindow = 4 * 1024 * 1024;
constexpr size_t kMaxResponseHeader = 256 * 1024;
// A server that says nothing for two ticks is asked whether it lives, and is given up after another.
constexpr std::chrono::seconds kTick{15};
constexpr int kTicksToPing = 2;
constexpr std::chrono::seconds kWriteTimeout{60};

struct Suspend {
  std::coroutine_handle<>* slot;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { *slot = handle; }
  void await_resume() const noexcept {}
};

// Runs for as long as its connection; `self` is what keeps that.
sampan::detail::Detached Forever(Task<void> loop) {
  co_await Contained("connection", std::move(loop));
}

bool IsOurs(std::string_view name) {
  return name == "host" || name == "content-length" || name == "transfer-encoding" || name == "connection" ||
         name == "keep-alive" || name == "upgrade" || name == "te" || name == "expect";
}

}  // namespace

// nghttp2 calls these from within mem_recv and mem_send; nothing may be thrown through its frames.
struct Http2ClientCallbacks {
  static Http2ClientConnection& Self(void* user) { return *static_cast<Http2ClientConnection*>(user); }
  static Http2Call* CallOf(nghttp2_session* session, int32_t id) {
    return static_cast<Http2Call*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static int Header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_length,
                    const uint8_t* value, size_t value_length, uint8_t, void* user) {
    Http2Call* call = frame->hd.type == NGHTTP2_HEADERS ? CallOf(session, frame->hd.stream_id) : nullptr;
    if (call == nullptr || call->answered) return 0;
    return SafeCallback([&] { Self(user).OnHeader(*call, FrameText(name, name_length), FrameText(value, value_length)); });
  }
  static int Data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t length, void* user) {
    return SafeCallback([&] { Self(user).OnData(CallOf(session, id), id, FrameText(data, length)); });
  }
  static int Frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return SafeCallback([&] { Self(user).OnFrame(*frame); });
  }
  static int Close(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    return SafeCallback([&] { Self(user).OnClose(id, error); });
  }
  static ssize_t Fill(nghttp2_session*, int32_t, uint8_t* buffer, size_t length, uint32_t* flags,
                      nghttp2_data_source* source, void* user) {
    return Self(user).FillData(*static_cast<Http2Call*>(source->ptr), buffer, length, flags);
  }
};

Http2ClientConnection::Http2ClientConnection(std::shared_ptr<Connection> connection)
    : connection_(std::move(connection)),
      tick_(std::make_unique<IoLoop::Timer>(connection_->loop(), [this] { OnTick(); })) {}

Http2ClientConnection::~Http2ClientConnection() {
  nghttp2_session_del(session_);
}

std::shared_ptr<Http2ClientConnection> Http2ClientConnection::Start(std::shared_ptr<Connection> connection) {
  auto made = std::make_shared<Http2ClientConnection>(std::move(connection));
  made->Configure();
  made->connection_->SetReadDeadline(Duration::zero());
  made->connection_->SetWriteTimeout(kWriteTimeout);
  made->tick_->Arm(kTick);
  sampan::detail::Launch(made->loop(), Forever(WriteLoop(made)));
  sampan::detail::Launch(made->loop(), Forever(ReadLoop(made)));
  return made;
}

void Http2ClientConnection::Configure() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  CHECK(nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Http2ClientCallbacks::Header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Http2ClientCallbacks::Data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Http2ClientCallbacks::Frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Http2ClientCallbacks::Close);
  nghttp2_option_set_no_auto_window_update(option, 1);
  CHECK(nghttp2_session_client_new2(&session_, callbacks, this, option) == 0);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(kStreamWindow)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(kMaxResponseHeader)},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Task<void> Http2ClientConnection::ReadLoop(std::shared_ptr<Http2ClientConnection> self) {
  std::string why = "the server closed the connection";
  for (int reads = 1; !self->ended_; ++reads) {
    std::span<char> scratch = Connection::ReadScratch();
    size_t length = 0;
    Connection::ReadState state = self->connection_->TryRead(scratch, length);
    if (state == Connection::ReadState::kWouldBlock) {
      co_await self->connection_->Readable();
      continue;
    }
    if (state != Connection::ReadState::kData) break;
    self->silent_ticks_ = 0;
    ssize_t used = nghttp2_session_mem_recv(self->session_, reinterpret_cast<const uint8_t*>(scratch.data()), length);
    if (used < 0) {
      why = fmt::format("HTTP/2: {}", nghttp2_strerror(static_cast<int>(used)));
      break;
    }
    self->WakeWriter();
    if (reads % kReadsATurn == 0) co_await Yield();
  }
  self->End(std::move(why));
}

Task<void> Http2ClientConnection::WriteLoop(std::shared_ptr<Http2ClientConnection> self) {
  std::string output;
  while (!self->ended_) {
    while (output.size() < kWriteBytes) {
      const uint8_t* data = nullptr;
      ssize_t length = nghttp2_session_mem_send(self->session_, &data);
      if (length < 0) co_return self->End("HTTP/2: a frame cannot be made");
      if (length == 0) break;
      output.append(FrameText(data, static_cast<size_t>(length)));
    }
    if (output.empty()) {
      bool over = nghttp2_session_want_read(self->session_) == 0 && nghttp2_session_want_write(self->session_) == 0;
      if (over || (!self->usable_ && self->calls_.empty())) break;
      std::string().swap(output);
      co_await Suspend{&self->writer_};
      continue;
    }
    auto written = co_await self->connection_->Write(output);
    output.clear();
    if (!written) break;
  }
  self->End("the connection ended");
}

// Everything that waits for this connection fails; its loops end.
void Http2ClientConnection::End(std::string why) {
  if (std::exchange(ended_, true)) return;
  usable_ = false;
  tick_.reset();
  connection_->Close();
  auto calls = std::move(calls_);
  calls_.clear();
  open_ = 0;
  for (auto& [id, call] : calls) {
    call->closed = true;
    bool nothing = !call->answered && call->header_bytes == 0;
    if (!call->ended) {
      Break(*call, nothing ? Exchange::Outcome::kNoAnswer : Exchange::Outcome::kFailed,
            Error::ServiceUnavailable("{}", why));
    }
  }
  WakeWriter();
}

void Http2ClientConnection::Retire() {
  loop().Post([self = shared_from_this()] {
    self->usable_ = false;
    self->WakeWriter();
  });
}

void Http2ClientConnection::Wake(std::coroutine_handle<>& handle) {
  if (std::coroutine_handle<> waiting = std::exchange(handle, nullptr)) loop().Resume(waiting);
}

void Http2ClientConnection::WakeWriter() {
  Wake(writer_);
}

void Http2ClientConnection::OnTick() {
  if (calls_.empty()) {
    silent_ticks_ = 0;
  } else if (++silent_ticks_ == kTicksToPing) {
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    WakeWriter();
  } else if (silent_ticks_ > kTicksToPing) {
    return End("the server does not answer");
  }
  tick_->Arm(kTick);
}

Result<void> Http2ClientConnection::Submit(const std::shared_ptr<Http2Call>& call, const ClientRequest& request,
                                           const std::string& host) {
  std::string length;
  bool has_body = request.stream != nullptr || !request.body.empty();
  if (request.stream == nullptr && (has_body || (request.method != "GET" && request.method != "HEAD"))) {
    length = std::to_string(request.body.size());
  } else if (has_body && request.stream->length()) {
    length = std::to_string(*request.stream->length());
  }
  std::vector<nghttp2_nv> fields{HeaderField(":method", request.method), HeaderField(":scheme", "https"),
                                 HeaderField(":authority", host), HeaderField(":path", request.target)};
  for (const auto& [name, value] : request.headers.items()) {
    if (!IsOurs(name)) fields.push_back(HeaderField(name, value));
  }
  if (!length.empty()) fields.push_back(HeaderField("content-length", length));
  nghttp2_data_provider provider{.source = {.ptr = call.get()}, .read_callback = Http2ClientCallbacks::Fill};
  if (request.stream == nullptr) {
    call->out = request.body;
    call->out_ended = true;
  }
  call->id =
      nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), has_body ? &provider : nullptr, call.get());
  if (call->id < 0) {
    usable_ = false;  // it has no stream left
    return Fail(Error::ServiceUnavailable("HTTP/2: {}", nghttp2_strerror(call->id)));
  }
  calls_.emplace(call->id, call);
  ++open_;
  WakeWriter();
  return {};
}

void Http2ClientConnection::ArmLate(Http2Call& call, Duration timeout) {
  if (timeout <= Duration::zero() || call.answered || call.failure) return;
  call.late = std::make_unique<IoLoop::Timer>(loop(), [this, &call] {
    Break(call, Exchange::Outcome::kFailed, Error::Timeout("no response in time"));
    Drop(call);
  });
  call.late->Arm(timeout);
}

Task<std::shared_ptr<Http2Call>> Http2ClientConnection::Run(std::shared_ptr<Http2ClientConnection> self,
                                                            const ClientRequest* request, std::string host,
                                                            CancelToken stop) {
  auto call = std::make_shared<Http2Call>();
  if (self->ended_ || !self->usable_) {
    self->Break(*call, Exchange::Outcome::kNotSent, Error::ServiceUnavailable("the connection has ended"));
    co_return call;
  }
  Result<void> submitted = self->Submit(call, *request, host);
  if (!submitted) {
    self->Break(*call, Exchange::Outcome::kNotSent, std::move(submitted).error());
    co_return call;
  }
  if (request->stream != nullptr) {
    sampan::detail::Launch(self->loop(), Forever(SendStream(self, call, request->stream, request->timeout)));
  } else {
    self->ArmLate(*call, request->timeout);
  }
  auto cancel = CancelCall(self, call, std::move(stop));
  while (!call->answered && !call->failure) co_await Suspend{&call->reader};
  call->late.reset();
  co_return call;
}

Task<void> Http2ClientConnection::SendStream(std::shared_ptr<Http2ClientConnection> self, std::shared_ptr<Http2Call> call,
                                             std::shared_ptr<BodyReader> stream, Duration timeout) {
  while (!call->closed) {
    auto piece = co_await stream->ReadSome();
    if (call->closed) co_return;
    if (!piece) {
      self->Break(*call, Exchange::Outcome::kFailed, std::move(piece).error());
      self->Drop(*call);
      co_return;
    }
    call->out_ended = piece->empty();
    call->out += *piece;
    if (std::exchange(call->deferred, false)) nghttp2_session_resume_data(self->session_, call->id);
    self->WakeWriter();
    if (call->out_ended) break;
    if (call->out.size() - call->out_sent > kUploadBytes) co_await Suspend{&call->drained};
  }
  // The server has its time from the end of the request on.
  self->ArmLate(*call, timeout);
}

ssize_t Http2ClientConnection::FillData(Http2Call& call, uint8_t* buffer, size_t length, uint32_t* flags) {
  size_t part = std::min(length, call.out.size() - call.out_sent);
  std::memcpy(buffer, call.out.data() + call.out_sent, part);
  call.out_sent += part;
  if (call.out_sent == call.out.size()) {
    call.out.clear();
    call.out_sent = 0;
    Wake(call.drained);
    if (call.out_ended) *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  if (part > 0 || call.out_ended) return static_cast<ssize_t>(part);
  call.deferred = true;
  return NGHTTP2_ERR_DEFERRED;
}

void Http2ClientConnection::OnHeader(Http2Call& call, std::string_view name, std::string_view value) {
  call.header_bytes += name.size() + value.size() + 32;
  if (call.header_bytes > kMaxResponseHeader) {
    Break(call, Exchange::Outcome::kFailed, Error::ServiceUnavailable("malformed response: header fields too large"));
    return Drop(call);
  }
  if (name == ":status") {
    call.head.status = 0;
    for (char c : value) call.head.status = call.head.status * 10 + (c - '0');
  } else if (!name.starts_with(':')) {
    call.head.headers.Add(std::string(name), std::string(value));
  }
}

void Http2ClientConnection::OnFrame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_SETTINGS) {
    most_ = nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  } else if (frame.hd.type == NGHTTP2_GOAWAY) {
    usable_ = false;
    WakeWriter();
  }
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  Http2Call* call = Http2ClientCallbacks::CallOf(session_, frame.hd.stream_id);
  if (call == nullptr) return;
  bool head = frame.hd.type == NGHTTP2_HEADERS && !call->answered;
  if (head && call->head.status < 200) {
    call->head = ResponseHead();  // an interim answer
    return;
  }
  if (head) call->answered = true;
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) call->ended = true;
  Wake(call->reader);
}

void Http2ClientConnection::OnData(Http2Call* call, int32_t id, std::string_view data) {
  nghttp2_session_consume_connection(session_, data.size());
  if (call == nullptr || call->failure) {
    nghttp2_session_consume_stream(session_, id, data.size());
    return;
  }
  call->come.append(data);
  Wake(call->reader);
}

void Http2ClientConnection::OnClose(int32_t id, uint32_t error) {
  auto found = calls_.find(id);
  if (found == calls_.end()) return;
  std::shared_ptr<Http2Call> call = std::move(found->second);
  calls_.erase(found);
  --open_;
  call->closed = true;
  if (!call->ended) {
    bool refused = error == NGHTTP2_REFUSED_STREAM && !call->answered;
    Break(*call, refused ? Exchange::Outcome::kNotSent : Exchange::Outcome::kFailed,
          Error::ServiceUnavailable("the server ended the request: {}", nghttp2_http2_strerror(error)));
  }
  Wake(call->drained);
  if (!usable_ && calls_.empty()) WakeWriter();
}

void Http2ClientConnection::Break(Http2Call& call, Exchange::Outcome outcome, Error error) {
  if (call.failure) return;
  call.outcome = outcome;
  call.failure = std::move(error);
  Wake(call.reader);
  Wake(call.drained);
}

void Http2ClientConnection::Drop(Http2Call& call) {
  call.late.reset();
  if (call.closed || ended_) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call.id, NGHTTP2_CANCEL);
  WakeWriter();
}

Task<Result<std::string>> Http2ClientConnection::ReadSome(std::shared_ptr<Http2ClientConnection> self,
                                                          std::shared_ptr<Http2Call> call) {
  while (call->come.empty() && !call->ended && !call->failure) co_await Suspend{&call->reader};
  if (call->come.empty() && call->failure) co_return Fail(*call->failure);
  std::string piece = std::exchange(call->come, std::string());
  if (!piece.empty() && !call->closed && !self->ended_) {
    nghttp2_session_consume_stream(self->session_, call->id, piece.size());
    self->WakeWriter();
  }
  co_return piece;
}

}  // namespace sampan::net::detail
