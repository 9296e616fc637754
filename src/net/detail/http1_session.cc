#include "async/spawn.h"
#include "base/contain.h"
#include "net/detail/http1_body.h"
#include "net/detail/http1_parser.h"
#include "net/detail/session.h"
#include "net/detail/turn.h"

namespace sampan::net::detail {
namespace {

// Room that an idle connection may keep in each of its strings.
constexpr size_t kKeptCapacity = 4096;
void TrimCapacity(std::string& text) {
  text.clear();
  if (text.capacity() > kKeptCapacity) std::string().swap(text);
}

// A value from a handler may not end the header early.
void AppendFieldValue(std::string& out, std::string_view value) {
  size_t start = out.size();
  out.append(value);
  for (size_t i = start; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
  }
}

void AppendHead(std::string& out, int status, const Headers& headers) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", status, StatusText(status));
  for (const auto& [name, value] : headers.items()) {
    if (name == "content-length" || name == "transfer-encoding") continue;
    out.append(name).append(": ");
    AppendFieldValue(out, value);
    out.append("\r\n");
  }
  if (status >= 200) out.append("date: ").append(HttpDate()).append("\r\n");
}

class Http1Session final : public Session {
 public:
  explicit Http1Session(SessionParts parts)
      : parts_(std::move(parts)), connection_(*parts_.connection), registration_(parts_, *this) {}
  ~Http1Session() override {
    EndBody();
    connection_.OnHangup(nullptr);
    if (!handed_over_) connection_.Close();
  }

  Task<void> Run();

  void Drain() override {
    if (idle_) connection_.Close();
  }
  void CancelRequests() override { gone_.Cancel(); }

 private:
  friend class Http1Writer;
  const ServerOptions& options() const { return parts_.server->options; }
  bool KeepAlive() const { return framing_.keep_alive && !parts_.server->draining.load(std::memory_order_relaxed); }
  Task<bool> ReadHead();
  void BeginBody();
  void EndBody();
  Task<bool> Serve();
  Task<bool> ReadMore();
  Task<bool> Refuse(int status, std::string_view reason);
  void Prepare();

  SessionParts parts_;
  Connection& connection_;
  SessionRegistration registration_;
  CancelSource gone_;
  Request request_;
  std::shared_ptr<Http1Body> body_;  // null when the request has none
  Framing framing_;
  std::string unread_;
  std::string head_;
  Turn turn_;
  bool idle_ = true;
  bool handed_over_ = false;
};

class Http1Writer final : public ResponseWriter {
 public:
  enum class State : unsigned char { kNone, kStreaming, kDone, kUpgraded };
  explicit Http1Writer(Http1Session& session) : session_(session) {}
  State state() const { return state_; }
  bool failed() const { return failed_; }
  bool keep_alive() const { return keep_alive_; }

  Task<Result<void>> Respond(Response response) override {
    CHECK(state_ == State::kNone);
    state_ = State::kDone;
    if (session_.body_ != nullptr) TellTooSlow(*session_.body_, *session_.parts_.server, response);
    size_t length = 0;
    for (const Chunk& chunk : response.body) length += chunk.data.size();
    BeginHead(response.status, response.headers);
    bool bodiless = IsBodiless(response.status);
    if (!bodiless) fmt::format_to(std::back_inserter(session_.head_), "content-length: {}\r\n", length);
    EndHead();
    bool silent = bodiless || session_.request_.method == "HEAD";
    auto written = co_await session_.connection_.Write(
        session_.head_, silent ? std::span<const Chunk>() : std::span<const Chunk>(response.body));
    failed_ = !written;
    co_return written;
  }

  Task<Result<void>> Start(int status, Headers headers) override {
    CHECK(state_ == State::kNone);
    state_ = State::kStreaming;
    chunked_ = !session_.framing_.http10;
    silent_ = session_.request_.method == "HEAD" || IsBodiless(status);
    if (!chunked_) keep_alive_ = false;  // the end of the connection ends the body
    BeginHead(status, headers);
    if (chunked_ && !IsBodiless(status)) session_.head_.append("transfer-encoding: chunked\r\n");
    EndHead();
    auto written = co_await session_.connection_.Write(session_.head_);
    failed_ = !written;
    co_return written;
  }

  Task<Result<void>> Write(std::vector<Chunk> chunks) override {
    CHECK(state_ == State::kStreaming);
    size_t length = 0;
    for (const Chunk& chunk : chunks) length += chunk.data.size();
    if (length == 0 || silent_) co_return Result<void>();
    session_.head_.clear();
    if (chunked_) {
      fmt::format_to(std::back_inserter(session_.head_), "{:x}\r\n", length);
      chunks.push_back(Chunk::Static("\r\n"));
    }
    auto written = co_await session_.connection_.Write(session_.head_, chunks);
    failed_ = !written;
    co_return written;
  }

  Task<Result<void>> Finish() override {
    CHECK(state_ == State::kStreaming);
    state_ = State::kDone;
    if (!chunked_ || silent_) co_return Result<void>();
    auto written = co_await session_.connection_.Write("0\r\n\r\n");
    failed_ = !written;
    co_return written;
  }

  Task<Result<std::unique_ptr<Stream>>> Upgrade(Headers headers) override {
    CHECK(state_ == State::kNone);
    if (session_.framing_.http10) co_return Fail(Error::BadRequest("an upgrade needs HTTP/1.1"));
    if (session_.body_ != nullptr && !session_.body_->complete())
      co_return Fail(Error::BadRequest("an upgrade has no body"));
    state_ = State::kUpgraded;
    session_.head_.clear();
    AppendHead(session_.head_, 101, headers);
    if (!headers.Has("connection")) session_.head_.append("connection: Upgrade\r\n");
    session_.head_.append("\r\n");
    auto written = co_await session_.connection_.Write(session_.head_);
    failed_ = !written;
    if (!written) co_return Fail(std::move(written).error());
    session_.connection_.SetReadDeadline(Duration::zero());
    session_.connection_.SetWriteTimeout(Duration::zero());
    session_.handed_over_ = true;
    if (session_.body_ != nullptr) session_.unread_ = session_.body_->TakeUnread();
    co_return NewConnectionStream(session_.parts_.connection, std::move(session_.unread_));
  }

 private:
  void BeginHead(int status, const Headers& headers) {
    if (session_.body_ != nullptr) {
      session_.body_->AnswerBegins();
      if (!session_.body_->Reusable()) keep_alive_ = false;
    }
    session_.head_.clear();
    AppendHead(session_.head_, status, headers);
  }
  void EndHead() {
    if (!session_.KeepAlive()) keep_alive_ = false;
    if (!keep_alive_) session_.head_.append("connection: close\r\n");
    if (keep_alive_ && session_.framing_.http10) session_.head_.append("connection: keep-alive\r\n");
    session_.head_.append("\r\n");
  }

  Http1Session& session_;
  State state_ = State::kNone;
  bool chunked_ = false;
  bool silent_ = false;
  bool failed_ = false;
  bool keep_alive_ = true;
};

void Http1Session::Prepare() {
  request_.method.clear();
  request_.path.clear();
  request_.query.clear();
  request_.headers.Clear();
  if (unread_.empty()) TrimCapacity(unread_);
  framing_ = Framing();
}

Task<bool> Http1Session::Refuse(int status, std::string_view reason) {
  framing_.keep_alive = false;
  Http1Writer writer(*this);
  co_await writer.Respond(parts_.server->ErrorResponse(status, reason));
  co_await connection_.LingerAndClose();
  co_return false;
}

// Waits for bytes and appends them to unread_; false when there will be none.
Task<bool> Http1Session::ReadMore() {
  while (true) {
    std::span<char> scratch = Connection::ReadScratch();
    size_t length = 0;
    Connection::ReadState state = connection_.TryRead(scratch, length);
    if (state == Connection::ReadState::kData) {
      unread_.append(scratch.data(), length);
      co_return true;
    }
    if (state != Connection::ReadState::kWouldBlock || connection_.read_expired()) co_return false;
    co_await connection_.Readable();
    turn_.Begin();
  }
}

Task<bool> Http1Session::ReadHead() {
  ParseLimits limits{.max_header_bytes = options().max_header_bytes};
  size_t scanned = 0;
  bool waiting = unread_.empty();
  if (waiting) connection_.SetReadDeadline(options().idle_timeout);
  idle_ = waiting;
  while (true) {
    if (!unread_.empty()) {
      if (std::exchange(waiting, false) || scanned == 0) connection_.SetReadDeadline(options().header_timeout);
      idle_ = false;
      if (scanned == 0) {  // empty lines before a request are to be ignored (RFC 9112, 2.2)
        size_t skip = 0;
        while (skip < 4 && unread_.substr(skip, 2) == "\r\n") skip += 2;
        unread_.erase(0, skip);
      }
      HeadResult head = ParseRequestHead(unread_, scanned, limits, request_, framing_);
      if (head.state == ParseState::kDone) {
        unread_.erase(0, head.consumed);
        co_return true;
      }
      if (head.state == ParseState::kBad) co_return co_await Refuse(head.status, head.reason);
      scanned = unread_.size();
    }
    bool more = co_await ReadMore();
    if (!more && connection_.read_expired() && !unread_.empty()) co_return co_await Refuse(408, "the request is incomplete");
    if (!more) co_return false;
  }
}

void Http1Session::BeginBody() {
  if (!framing_.chunked && framing_.content_length.value_or(0) == 0) return;
  ServerBody::Terms terms{connection_.loop(), parts_.connections->bodies, parts_.client, framing_.content_length};
  body_ =
      std::make_shared<Http1Body>(std::move(terms), options().body_pace, parts_.connection, framing_, std::move(unread_));
  unread_.clear();
  request_.body = body_;
}

void Http1Session::EndBody() {
  if (body_ == nullptr) return;
  body_->Detach();
  body_.reset();
  request_.body = NoBody();
}

// One request and its answer; false when the connection is of no further use.
Task<bool> Http1Session::Serve() {
  Http1Writer writer(*this);
  bool escaped = false;
  try {
    co_await parts_.server->handler(request_, writer);
  } catch (...) {
    (void)ReportEscape("request");
    escaped = true;
  }
  if (writer.state() == Http1Writer::State::kNone) {
    std::string_view why = escaped ? "the request failed, the server's log tells why" : "the handler gave no answer";
    co_await writer.Respond(parts_.server->ErrorResponse(500, why));
  }
  if (escaped || writer.state() != Http1Writer::State::kDone || writer.failed()) co_return false;
  bool whole = true;
  if (body_ != nullptr && writer.keep_alive()) whole = co_await body_->Drain();
  if (body_ != nullptr && whole) unread_ = body_->TakeUnread();
  EndBody();
  if (whole && writer.keep_alive()) co_return true;
  parts_.place->Set(Stage::kUnproven);
  co_await connection_.LingerAndClose();
  co_return false;
}

Task<void> Http1Session::Run() {
  connection_.SetWriteTimeout(options().write_timeout);
  connection_.OnHangup([this] { gone_.Cancel(); });
  request_.remote_address = parts_.remote_address;
  request_.peer = parts_.peer;
  while (true) {
    Prepare();
    bool ready = co_await ReadHead();
    if (!ready) break;
    parts_.place->Set(Stage::kBusy);
    connection_.SetReadDeadline(Duration::zero());
    request_.gone = gone_.token();
    BeginBody();
    bool again = co_await Serve();
    if (!again) break;
    parts_.place->Set(Stage::kIdle);
    if (turn_.Over()) co_await Yield();
  }
}

}  // namespace

Task<void> ServeHttp1(SessionParts parts) {
  Http1Session session(std::move(parts));
  co_await session.Run();
}

}  // namespace sampan::net::detail
