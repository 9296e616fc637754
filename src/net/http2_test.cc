// HTTP/2 as clients meet it: a small client of nghttp2's over blocking TLS.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "async/channel.h"
#include "net/detail/test_fixture.h"
#include "net/detail/tls.h"

namespace sampan::net {
namespace {

struct Answered {
  int status = 0;
  std::string body;
  bool closed = false;
  uint32_t error = 0;
};

class Http2Client {
 public:
  explicit Http2Client(uint16_t port) {
    signal(SIGPIPE, SIG_IGN);  // the server may end the connection while the client floods it
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    timeval limit{.tv_sec = 10};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    context_.reset(SSL_CTX_new(TLS_client_method()));
    ssl_.reset(SSL_new(context_.get()));
    static constexpr unsigned char kProtocols[] = {2, 'h', '2'};
    SSL_set_alpn_protos(ssl_.get(), kProtocols, sizeof(kProtocols));
    SSL_set_fd(ssl_.get(), fd_);
    connected_ = connected_ && SSL_connect(ssl_.get()) == 1 && detail::NegotiatedHttp2(*ssl_);
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_max_send_header_block_length(option, 8 * 1024 * 1024);
    nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Http2Client() {
    nghttp2_session_del(session_);
    ssl_.reset();
    close(fd_);
  }

  bool connected() const { return connected_; }
  bool went_away() const { return went_away_; }
  uint32_t goaway_code() const { return goaway_code_; }
  nghttp2_session* session() { return session_; }

  int32_t Request(std::string method, std::string path, std::string body = "") {
    std::vector<std::pair<std::string, std::string>> fields{
        {":method", std::move(method)}, {":scheme", "https"}, {":authority", "localhost"}, {":path", std::move(path)}};
    for (auto& field : extra_fields) fields.push_back(field);
    std::vector<nghttp2_nv> raw;
    for (auto& [name, value] : fields) {
      raw.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()), name.size(),
                     value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    bodies_.push_back(std::make_unique<std::string>(std::move(body)));
    nghttp2_data_provider provider{.source = {.ptr = bodies_.back().get()}, .read_callback = ReadBody};
    return nghttp2_submit_request(session_, nullptr, raw.data(), raw.size(), bodies_.back()->empty() ? nullptr : &provider,
                                  nullptr);
  }

  bool Send() {
    while (true) {
      const uint8_t* data = nullptr;
      ssize_t length = nghttp2_session_mem_send(session_, &data);
      if (length <= 0) return length == 0;
      if (SSL_write(ssl_.get(), data, static_cast<int>(length)) <= 0) return false;
    }
  }
  // One read; false at the end.
  bool Receive() {
    std::array<uint8_t, 16384> buffer;
    int length = SSL_read(ssl_.get(), buffer.data(), buffer.size());
    return length > 0 && nghttp2_session_mem_recv(session_, buffer.data(), static_cast<size_t>(length)) >= 0;
  }
  Answered Await(int32_t stream) {
    while (!answers[stream].closed && Send() && Receive()) {
    }
    return answers[stream];
  }

  std::map<int32_t, Answered> answers;
  std::vector<std::pair<std::string, std::string>> extra_fields;

 private:
  static Http2Client& Self(void* user) { return *static_cast<Http2Client*>(user); }
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_length,
                      const uint8_t* value, size_t, uint8_t, void* user) {
    if (std::string_view(reinterpret_cast<const char*>(name), name_length) == ":status") {
      Self(user).answers[frame->hd.stream_id].status = atoi(reinterpret_cast<const char*>(value));
    }
    return 0;
  }
  static int OnData(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t length, void* user) {
    Self(user).answers[stream].body.append(reinterpret_cast<const char*>(data), length);
    return 0;
  }
  static int OnClose(nghttp2_session*, int32_t stream, uint32_t error, void* user) {
    Self(user).answers[stream].closed = true;
    Self(user).answers[stream].error = error;
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      Self(user).went_away_ = true;
      Self(user).goaway_code_ = frame->goaway.error_code;
    }
    return 0;
  }
  static ssize_t ReadBody(nghttp2_session*, int32_t, uint8_t* buffer, size_t length, uint32_t* flags,
                          nghttp2_data_source* source, void*) {
    auto& body = *static_cast<std::string*>(source->ptr);
    size_t part = std::min(length, body.size());
    std::memcpy(buffer, body.data(), part);
    body.erase(0, part);
    if (body.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(part);
  }

  int fd_ = -1;
  bool connected_ = false;
  bool went_away_ = false;
  uint32_t goaway_code_ = 0;
  detail::OpensslPtr<SSL_CTX, SSL_CTX_free> context_;
  detail::SslPtr ssl_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<std::string>> bodies_;
};

struct Events {
  Channel<std::string> seen{64};
  std::atomic<int> answered{0};  // handlers of /counted that have ended
};

Task<void> Handle(Events* events, Request& request, ResponseWriter& writer) {
  Response response;
  if (request.path == "/echo") {
    auto body = co_await request.body->ReadAll(1'000'000);
    response.status = body ? 200 : HttpStatusOf(body.error().reason());
    response.body.push_back(Chunk::Copy(body ? *std::move(body) : body.error().message()));
  } else if (request.path == "/large") {
    for (int i = 0; i < 500; ++i) response.body.push_back(Chunk::Copy(std::string(10'000, 'l')));
  } else if (request.path == "/counted") {
    response.body.push_back(Chunk::Copy(std::string(40'000, 'c')));
    co_await writer.Respond(std::move(response));
    ++events->answered;
    co_return;
  } else if (request.path == "/unfinished") {
    co_await writer.Start(200, {});
    co_return;
  } else if (request.path == "/silent") {
    co_return;
  } else if (request.path == "/watch") {
    co_await writer.Start(200, {});
    std::vector<Chunk> chunks{Chunk::Static("event")};
    co_await writer.Write(std::move(chunks));
    Oneshot<bool> gone;
    auto subscription = request.gone.OnCancel([sender = gone.sender()]() mutable { sender.Set(true); });
    co_await gone.Wait();
    events->seen.TryPush("gone");
    co_return;
  } else {
    std::string text = fmt::format("{} {}?{} {} {}", request.method, request.path, request.query,
                                   request.headers.Get("host"), request.version == HttpVersion::kHttp2 ? "h2" : "h1");
    response.body.push_back(Chunk::Copy(std::move(text)));
  }
  co_await writer.Respond(std::move(response));
}

class Http2Test : public NetTest {
 protected:
  void Start(ServerOptions options = {}) {
    Serve([this](Request& request, ResponseWriter& writer) { return Handle(&events_, request, writer); },
          std::move(options));
    http2_ = std::make_unique<Http2Client>(server_->port());
    ASSERT_TRUE(http2_->connected());
  }
  Events events_;
  std::unique_ptr<Http2Client> http2_;
};

TEST_F(Http2Test, AnswersManyStreamsOfOneConnection) {
  Start();
  std::vector<int32_t> streams;
  for (int i = 0; i < 100; ++i) streams.push_back(http2_->Request("GET", fmt::format("/r{}?a=b", i)));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(http2_->Await(streams[i]).body, fmt::format("GET /r{}?a=b localhost h2", i));
  }
}

TEST_F(Http2Test, BodiesBothWays) {
  Start();
  EXPECT_EQ(http2_->Await(http2_->Request("POST", "/echo", std::string(1'000'000, 'e'))).body.size(), 1'000'000U);
  EXPECT_EQ(http2_->Await(http2_->Request("POST", "/echo", std::string(1'000'001, 'e'))).status, 413);
  EXPECT_EQ(http2_->Await(http2_->Request("HEAD", "/large")).body, "");
}

TEST_F(Http2Test, ARefusalReachesAClientThatIsStillSending) {
  Start();
  Answered refused = http2_->Await(http2_->Request("POST", "/echo", std::string(3'200'000, 'e')));
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(refused.error, static_cast<uint32_t>(NGHTTP2_NO_ERROR));
  EXPECT_EQ(http2_->Await(http2_->Request("POST", "/echo", std::string(20'000'000, 'e'))).status, 413);
  EXPECT_EQ(http2_->Await(http2_->Request("GET", "/")).status, 200) << "the connection stays";
}

TEST_F(Http2Test, LargeAnswersKeepToTheWindow) {
  Start();
  int32_t stream = http2_->Request("GET", "/large");
  EXPECT_EQ(http2_->Await(stream).body.size(), 5'000'000U);
  EXPECT_FALSE(http2_->went_away());
}

TEST_F(Http2Test, HandlersThatDoNotAnswer) {
  Start();
  EXPECT_EQ(http2_->Await(http2_->Request("GET", "/silent")).status, 500);
  EXPECT_EQ(http2_->Await(http2_->Request("GET", "/unfinished")).error, static_cast<uint32_t>(NGHTTP2_INTERNAL_ERROR));
}

TEST_F(Http2Test, BadTargetsAndHeaders) {
  Start({.max_header_bytes = 2000});
  EXPECT_EQ(http2_->Await(http2_->Request("GET", "no-slash")).status, 0) << "nghttp2 resets what the RFC forbids";
  EXPECT_EQ(http2_->Await(http2_->Request("GET", "/a#b")).status, 400);
  http2_->extra_fields = {{"x", std::string(3000, 'x')}};
  EXPECT_EQ(http2_->Await(http2_->Request("GET", "/")).status, 431);
}

TEST_F(Http2Test, ResetStreamTellsTheHandler) {
  Start();
  int32_t stream = http2_->Request("GET", "/watch");
  while (http2_->answers[stream].body.empty()) ASSERT_TRUE(http2_->Send() && http2_->Receive());
  nghttp2_submit_rst_stream(http2_->session(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  EXPECT_TRUE(http2_->Send());
  EXPECT_EQ(Wait(events_.seen.Pop()), "gone");
  EXPECT_EQ(http2_->Await(http2_->Request("GET", "/")).status, 200) << "the connection stays";
}

TEST_F(Http2Test, FloodsEndTheConnection) {
  Start();
  for (int i = 0; i < 5000 && http2_->Send(); ++i) nghttp2_submit_ping(http2_->session(), NGHTTP2_FLAG_NONE, nullptr);
  while (!http2_->went_away() && http2_->Receive()) {
  }
  EXPECT_TRUE(http2_->went_away());
  EXPECT_EQ(http2_->goaway_code(), static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
}

TEST_F(Http2Test, RapidResetEndsTheConnection) {
  Start();
  bool alive = true;
  for (int i = 0; i < 5000 && alive; ++i) {
    int32_t stream = http2_->Request("GET", "/watch");
    alive = stream > 0 && http2_->Send();
    nghttp2_submit_rst_stream(http2_->session(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
    alive = alive && http2_->Send();
  }
  while (!http2_->went_away() && http2_->Receive()) {
  }
  EXPECT_TRUE(http2_->went_away() || !alive);
}

TEST_F(Http2Test, AnswersThatNobodyTakesHoldTheirHandlers) {
  Start();
  auto set_window = [this](uint32_t size) {
    nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, size};
    nghttp2_submit_settings(http2_->session(), NGHTTP2_FLAG_NONE, &entry, 1);
  };
  set_window(0);
  std::vector<int32_t> streams;
  for (int i = 0; i < 20; ++i) streams.push_back(http2_->Request("GET", "/counted"));
  for (int32_t stream : streams) {
    while (http2_->answers[stream].status == 0) ASSERT_TRUE(http2_->Send() && http2_->Receive());
  }
  EXPECT_EQ(events_.answered, 6) << "as many as leave no more than 256 KiB";
  set_window(1 << 20);
  for (int32_t stream : streams) EXPECT_EQ(http2_->Await(stream).body.size(), 40'000U);
  EXPECT_EQ(http2_->Await(http2_->Request("GET", "/")).status, 200);
  EXPECT_EQ(events_.answered, 20);
}

// Few bytes on the wire: a field is sent once and named ever after.
TEST_F(Http2Test, HeadsOfRunningRequestsAreBoundedTogether) {
  Start();
  for (int i = 0; i < 15; ++i) http2_->extra_fields.emplace_back("x", std::string(3900, 'x'));
  std::vector<int32_t> streams;
  for (int i = 0; i < 30; ++i) streams.push_back(http2_->Request("GET", "/watch"));
  auto count = [&](auto which) { return std::ranges::count_if(streams, which); };
  auto running = [this](int32_t stream) { return !http2_->answers[stream].body.empty(); };
  auto refused = [this](int32_t stream) { return http2_->answers[stream].error == NGHTTP2_REFUSED_STREAM; };
  while (count(running) + count(refused) < 30) ASSERT_TRUE(http2_->Send() && http2_->Receive());
  EXPECT_EQ(count(running), 17) << "of 60 KB in a MiB";
  for (int32_t stream : streams) nghttp2_submit_rst_stream(http2_->session(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  ASSERT_TRUE(http2_->Send());
  for (int i = 0; i < 17; ++i) EXPECT_EQ(Wait(events_.seen.Pop()), "gone");
  EXPECT_EQ(http2_->Await(http2_->Request("GET", "/")).status, 200) << "there is room again";
}

TEST_F(Http2Test, AHeadWithoutMeasureEndsTheConnection) {
  Start();
  for (int i = 0; i < 400; ++i) http2_->extra_fields.emplace_back("x", std::string(3900, 'x'));
  EXPECT_EQ(http2_->Await(http2_->Request("GET", "/")).status, 0);
  EXPECT_FALSE(http2_->Receive());
}

TEST_F(Http2Test, StopLetsRunningRequestsEnd) {
  Start();
  int32_t stream = http2_->Request("GET", "/watch");
  while (http2_->answers[stream].body.empty()) ASSERT_TRUE(http2_->Send() && http2_->Receive());
  Wait(server_->Stop(std::chrono::milliseconds(50)));
  EXPECT_EQ(Wait(events_.seen.Pop()), "gone");
  while (http2_->Receive()) {
  }
  EXPECT_TRUE(http2_->went_away());
}

}  // namespace
}  // namespace sampan::net
