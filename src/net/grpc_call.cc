#include "net/grpc_call.h"

#include <array>
#include <charconv>
#include <cstring>

#include <nghttp2/nghttp2.h>

#include "async/io_loop.h"
#include "async/spawn.h"
#include "net/detail/client_connection.h"
#include "net/detail/nghttp2_text.h"

namespace sampan::net {
namespace {

constexpr size_t kMaxAnswer = 1 << 20;
constexpr size_t kPrefix = 5;  // before each message: compressed or not, and four bytes of length
constexpr int kUnknown = 2;    // gRPC's status when the server tells none

std::string Framed(std::string_view message) {
  auto size = static_cast<uint32_t>(message.size());
  std::string out(kPrefix, '\0');
  for (size_t i = 0; i < 4; ++i) out[1 + i] = static_cast<char>(size >> (24 - 8 * i) & 0xff);
  return out.append(message);
}

// The HTTP/2 side of one call; it knows no socket.
class Session {
 public:
  explicit Session(const GrpcCall& call) : body_(Framed(call.message)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    std::array<std::pair<std::string, std::string>, 7> fields{{{":method", "POST"},
                                                               {":scheme", "http"},
                                                               {":authority", fmt::format("{}:{}", call.host, call.port)},
                                                               {":path", call.method},
                                                               {"content-type", "application/grpc"},
                                                               {"te", "trailers"},
                                                               {"user-agent", call.user_agent}}};
    std::vector<nghttp2_nv> raw;
    for (auto& [name, value] : fields) {
      raw.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()), name.size(),
                     value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = ReadBody};
    nghttp2_submit_request(session_, nullptr, raw.data(), raw.size(), &provider, nullptr);
  }
  ~Session() { nghttp2_session_del(session_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // What is to be sent now; empty when nothing is.
  std::string_view NextOutput() {
    const uint8_t* data = nullptr;
    ssize_t length = nghttp2_session_mem_send(session_, &data);
    return length <= 0 ? std::string_view()
                       : std::string_view(reinterpret_cast<const char*>(data), static_cast<size_t>(length));
  }
  // False when the peer does not speak HTTP/2.
  bool Input(std::string_view bytes) {
    return nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()) >= 0;
  }
  bool done() const { return closed_; }
  // The session has ended without an answer.
  bool broken() const { return nghttp2_session_want_read(session_) == 0; }

  Result<GrpcAnswer> Answer() {
    if (!status_ && http_status_ != "200") {
      return Fail(Error::ServiceUnavailable("unexpected HTTP status code received from server: {}", http_status_));
    }
    GrpcAnswer answer{status_.value_or(kUnknown), std::move(message_), {}};
    if (answer.status == 0 && data_.size() >= kPrefix) answer.message = data_.substr(kPrefix);
    return answer;
  }

 private:
  static Session& Self(void* user) { return *static_cast<Session*>(user); }
  static int OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_length, const uint8_t* value,
                      size_t value_length, uint8_t, void* user) {
    return detail::SafeCallback(
        [&] { Self(user).TakeHeader(detail::FrameText(name, name_length), detail::FrameText(value, value_length)); });
  }
  void TakeHeader(std::string_view name, std::string_view value) {
    if (name == ":status") http_status_ = value;
    if (name == "grpc-message") message_ = PercentDecode(value, PlusIsSpace::kNo).value_or(std::string(value));
    if (name == "grpc-status") {
      int status = kUnknown;
      std::from_chars(value.data(), value.data() + value.size(), status);
      status_ = status;
    }
  }
  static int OnData(nghttp2_session*, uint8_t, int32_t, const uint8_t* data, size_t length, void* user) {
    Session& self = Self(user);
    if (self.data_.size() + length > kMaxAnswer) return NGHTTP2_ERR_CALLBACK_FAILURE;
    return detail::SafeCallback([&] { self.data_.append(detail::FrameText(data, length)); });
  }
  static int OnClose(nghttp2_session*, int32_t, uint32_t, void* user) {
    Self(user).closed_ = true;
    return 0;
  }
  static ssize_t ReadBody(nghttp2_session*, int32_t, uint8_t* buffer, size_t length, uint32_t* flags,
                          nghttp2_data_source* source, void*) {
    auto& self = *static_cast<Session*>(source->ptr);
    size_t part = std::min(length, self.body_.size() - self.sent_);
    std::memcpy(buffer, self.body_.data() + self.sent_, part);
    self.sent_ += part;
    if (self.sent_ == self.body_.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(part);
  }

  nghttp2_session* session_ = nullptr;
  std::string body_;
  size_t sent_ = 0;
  std::string http_status_, message_, data_;
  std::optional<int> status_;
  bool closed_ = false;
};

Task<Result<GrpcAnswer>> Talk(std::shared_ptr<detail::Connection> connection, const GrpcCall* call) {
  Session session(*call);
  std::array<char, 4096> buffer;
  while (!session.done()) {
    for (std::string_view out = session.NextOutput(); !out.empty(); out = session.NextOutput()) {
      CO_TRY_VOID(co_await connection->Write(out));
    }
    if (session.broken()) co_return Fail(Error::ServiceUnavailable("the peer does not speak HTTP/2"));
    CO_TRY(size_t length, co_await connection->Read(buffer));
    if (length == 0) co_return Fail(Error::ServiceUnavailable("the connection was closed before the answer"));
    if (!session.Input(std::string_view(buffer.data(), length))) {
      co_return Fail(Error::ServiceUnavailable("the peer does not speak HTTP/2"));
    }
  }
  co_return session.Answer();
}

Task<Result<GrpcAnswer>> Run(IoLoop* loop, const GrpcCall* call) {
  CO_TRY(std::shared_ptr<detail::Connection> connection,
         co_await detail::ConnectSocket(loop, call->host, call->port, call->timeout, call->stop));
  auto cancel = call->stop.OnCancel([connection] { connection->Abort(); });
  connection->SetReadDeadline(call->timeout);
  connection->SetWriteTimeout(call->timeout);
  auto answer = co_await Talk(connection, call);
  connection->Close();
  co_return answer;
}

}  // namespace

Task<Result<GrpcAnswer>> CallGrpc(IoLoops& loops, GrpcCall call) {
  Executor& caller = co_await ThisExecutor();
  IoLoop& loop = detail::PickLoop(loops, caller);
  auto answer = co_await RunOn(loop, Run(&loop, &call));
  co_return answer;
}

}  // namespace sampan::net
