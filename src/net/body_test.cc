// Bodies on their way, over both protocols, as a server and a client meet them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "async/channel.h"
#include "net/detail/test_fixture.h"

namespace sampan::net {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;

size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// As many bytes as were asked for, made when they are read.
class GeneratedBody final : public BodyReader {
 public:
  enum class Announced : bool { kNo, kYes };
  GeneratedBody(size_t length, Announced announced) : left_(length), announced_(announced), length_(length) {}
  Task<Result<std::string>> ReadSome() override {
    std::string piece(std::min(left_, kPieceBytes), 'g');
    left_ -= piece.size();
    made_ += piece.size();
    co_return piece;
  }
  std::optional<uint64_t> length() const override {
    return announced_ == Announced::kYes ? std::optional<uint64_t>(length_) : std::nullopt;
  }
  size_t made() const { return made_; }

 private:
  size_t left_;
  const Announced announced_;
  const size_t length_;
  std::atomic<size_t> made_{0};
};

struct Script {
  Channel<int> go{4};  // lets a handler read on
};

Task<void> Count(Request* request, Response* response) {
  size_t total = 0;
  while (true) {
    auto piece = co_await request->body->ReadSome();
    if (!piece) {
      response->status = HttpStatusOf(piece.error().reason());
      response->body.push_back(Chunk::Copy(piece.error().message()));
      co_return;
    }
    if (piece->empty()) break;
    total += piece->size();
  }
  response->body.push_back(Chunk::Copy(std::to_string(total)));
}

Task<void> Generate(ResponseWriter* writer, size_t length) {
  auto done = co_await writer->Start(200, {});
  auto piece = std::make_shared<const std::string>(kPieceBytes, 'd');
  for (size_t sent = 0; done && sent < length; sent += kPieceBytes) {
    std::vector<Chunk> chunks{Chunk{*piece, piece}};
    done = co_await writer->Write(std::move(chunks));
  }
  if (done) co_await writer->Finish();
}

Task<void> Echo(Request* request, ResponseWriter* writer) {
  auto done = co_await writer->Start(200, {});
  while (done) {
    auto piece = co_await request->body->ReadSome();
    if (!piece) co_return;
    if (piece->empty()) break;
    std::vector<Chunk> chunks{Chunk::Copy(*std::move(piece))};
    done = co_await writer->Write(std::move(chunks));
  }
  co_await writer->Finish();
}

Task<void> ServeBodies(Script* script, Request& request, ResponseWriter& writer) {
  if (request.path == "/generate") co_return co_await Generate(&writer, std::stoull(request.query));
  if (request.path == "/echo") co_return co_await Echo(&request, &writer);
  if (request.path == "/throw") throw std::runtime_error("a handler's fault");
  Response response;
  if (request.path == "/later") co_await script->go.Pop();
  if (request.path == "/count" || request.path == "/later") {
    co_await Count(&request, &response);
  } else if (request.path == "/whole") {
    auto body = co_await request.body->ReadAll(1000);
    response.status = body ? 200 : HttpStatusOf(body.error().reason());
    response.body.push_back(Chunk::Copy(body ? *std::move(body) : body.error().message()));
  } else {
    response.status = 403;
    response.body.push_back(Chunk::Static("forbidden"));
  }
  co_await writer.Respond(std::move(response));
}

class BodyTest : public NetTest, public testing::WithParamInterface<Protocols> {
 protected:
  void Start(ServerOptions options = {}) {
    Serve([this](Request& request, ResponseWriter& writer) { return ServeBodies(&script_, request, writer); },
          std::move(options));
    client_ = MakeProtocolClient();
  }
  std::unique_ptr<Client> MakeProtocolClient() {
    auto tls = std::make_shared<TlsClientOptions>();
    tls->ca_pem = TestPki::Get().ca.certificate_pem;
    return NewClient(loops_, {.host = "127.0.0.1", .port = server_->port(), .tls = tls, .protocols = GetParam()});
  }
  Result<Answer> Upload(std::string target, std::shared_ptr<BodyReader> body) {
    return Wait(Fetch(client_.get(), {.method = "POST", .target = std::move(target), .stream = std::move(body)}));
  }
  static std::shared_ptr<GeneratedBody> Body(size_t length,
                                             GeneratedBody::Announced announced = GeneratedBody::Announced::kYes) {
    return std::make_shared<GeneratedBody>(length, announced);
  }

  // A timer's tick of the loop.
  Task<void> Idle() {
    Oneshot<bool> passed;
    IoLoop::Timer timer(loops_.at(0), [sender = passed.sender()]() mutable { sender.Set(true); });
    timer.Arm(std::chrono::milliseconds(100));
    co_await passed.Wait();
  }

  Script script_;
};

constexpr size_t kHuge = size_t{1} << 30;
constexpr size_t kBounded = kHuge / 3;  // sanitizers keep what was freed for a while

Task<Result<size_t>> Drink(Client* client, ClientRequest request) {
  CO_TRY(auto response, co_await client->Send(std::move(request)));
  size_t total = 0;
  while (true) {
    CO_TRY(std::string piece, co_await response->ReadSome());
    if (piece.empty()) co_return total;
    total += piece.size();
  }
}

TEST_P(BodyTest, AGigabyteFlowsUp) {
  Start();
  size_t before = ResidentBytes();
  auto answer = Upload("/count", Body(kHuge));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->body, std::to_string(kHuge));
  EXPECT_LT(ResidentBytes(), before + kBounded);
}

TEST_P(BodyTest, AGigabyteFlowsDown) {
  Start();
  size_t before = ResidentBytes();
  auto total = Wait(Drink(client_.get(), {.target = fmt::format("/generate?{}", kHuge)}));
  ASSERT_TRUE(total) << total.error().message();
  EXPECT_EQ(*total, kHuge);
  EXPECT_LT(ResidentBytes(), before + kBounded);
}

TEST_P(BodyTest, BothWaysAtOnceWithoutALength) {
  Start();
  constexpr size_t kLength = 20'000'000;
  auto total = Wait(
      Drink(client_.get(), {.method = "POST", .target = "/echo", .stream = Body(kLength, GeneratedBody::Announced::kNo)}));
  ASSERT_TRUE(total) << total.error().message();
  EXPECT_EQ(*total, kLength);
}

TEST_P(BodyTest, NothingIsTakenBeforeItIsAskedFor) {
  Start();
  auto body = Body(kHuge / 4);
  std::optional<Result<Answer>> answer;
  std::thread waiting([&] { answer = Upload("/later", body); });
  // The client goes on until windows and socket buffers are full, and then no further.
  size_t made = 0;
  for (int quiet = 0; quiet < 5;) {
    Wait(Idle());
    quiet = body->made() == made && made > 0 ? quiet + 1 : 0;
    made = body->made();
  }
  EXPECT_LT(made, size_t{24} << 20);
  script_.go.TryPush(1);
  waiting.join();
  EXPECT_EQ((*answer)->body, std::to_string(kHuge / 4));
}

TEST_P(BodyTest, LimitsAreTheHandlers) {
  Start();
  EXPECT_EQ(Upload("/whole", TextBody(std::string(1000, 'w')))->body.size(), 1000U);
  for (auto announced : {GeneratedBody::Announced::kYes, GeneratedBody::Announced::kNo}) {
    auto refused = Upload("/whole", Body(5'000'000, announced));
    ASSERT_TRUE(refused) << refused.error().message();
    EXPECT_EQ(refused->status, 413);
    EXPECT_EQ(refused->body, "Request entity too large: limit is 1000");
  }
}

TEST_P(BodyTest, AnAnswerBeforeTheBodyEndsTheUpload) {
  Start();
  auto body = Body(kHuge);
  auto answer = Upload("/forbidden", body);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->status, 403);
  EXPECT_EQ(answer->body, "forbidden");
  EXPECT_LT(body->made(), kHuge / 2) << "the client learns it before it has sent everything";
  EXPECT_EQ(Upload("/count", TextBody("abc"))->body, "3") << "others go on";
}

// Sends a little, and then nothing until it is given up.
class SilentBody final : public BodyReader {
 public:
  Task<Result<std::string>> ReadSome() override {
    if (std::exchange(sent_, true)) {
      co_await given_up_.Wait();
      co_return Fail(Error::ServiceUnavailable("given up"));
    }
    co_return std::string("ab");
  }
  std::optional<uint64_t> length() const override { return 5; }
  void GiveUp() { given_up_.sender().Set(true); }

 private:
  bool sent_ = false;
  Oneshot<bool> given_up_;
};

TEST_P(BodyTest, ABodyThatStallsIsAnswered408) {
  Start({.body_pace = {.window = std::chrono::milliseconds(200)}});
  for (const char* target : {"/count", "/whole"}) {
    auto body = std::make_shared<SilentBody>();
    auto answer = Upload(target, body);
    body->GiveUp();
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, 408) << target;
    while (body.use_count() > 1) std::this_thread::yield();  // whoever waited for it has ended
  }
}

TEST_P(BodyTest, AThrowingHandlerCostsItsRequestOnly) {
  Start();
  EXPECT_EQ(Upload("/throw", Body(100))->status, 500);
  EXPECT_EQ(Upload("/count", Body(100))->body, "100");
}

TEST_P(BodyTest, ManyRequestsAtOnce) {
  Start();
  std::vector<Task<Result<Answer>>> tasks;
  for (int i = 0; i < 200; ++i) {
    tasks.push_back(Fetch(client_.get(), {.method = "POST", .target = "/count", .body = std::string(1000 + i, 'b')}));
  }
  auto answers = Wait(WhenAll(std::move(tasks)));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(answers[i]->body, std::to_string(1000 + i));
  if (GetParam() == Protocols::kHttp2) EXPECT_LE(server_->connections(), 3U) << "they share connections";
}

TEST_P(BodyTest, TheClientSurvivesAServerThatRestarts) {
  Start();
  EXPECT_EQ(Upload("/count", TextBody("abc"))->body, "3");
  uint16_t port = server_->port();
  Wait(server_->Stop(Duration::zero()));
  server_.reset();
  EXPECT_FALSE(Wait(Fetch(client_.get(), {.target = "/count"})));
  Serve([this](Request& request, ResponseWriter& writer) { return ServeBodies(&script_, request, writer); }, {.port = port});
  client_ = MakeProtocolClient();
  auto again = Wait(Fetch(client_.get(), {.target = "/count"}));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->body, "0");
}

TEST_P(BodyTest, CertificatesOfTheClientRotate) {
  Start();
  EXPECT_EQ(Upload("/count", TextBody("abc"))->body, "3");
  auto stranger = std::make_shared<TlsClientOptions>();
  stranger->ca_pem =
      NewCertificateAuthority("other", std::chrono::system_clock::now(), std::chrono::days(1))->certificate_pem;
  ASSERT_TRUE(client_->SetTls(stranger));
  EXPECT_FALSE(Upload("/count", TextBody("abc"))) << "it trusts another authority now";
  auto right = std::make_shared<TlsClientOptions>();
  right->ca_pem = TestPki::Get().ca.certificate_pem;
  ASSERT_TRUE(client_->SetTls(right));
  EXPECT_EQ(Upload("/count", TextBody("abc"))->body, "3");
  auto busy = Wait(client_->Send({.target = "/generate?131072"}));
  ASSERT_TRUE(busy) << busy.error().message();
  ASSERT_TRUE(client_->SetTls(stranger));
  EXPECT_EQ(Wait((*busy)->ReadAll(1'000'000))->size(), 131'072U) << "what is under way goes on";
  EXPECT_FALSE(Upload("/count", TextBody("abc"))) << "a connection that was busy is not used again";
  EXPECT_FALSE(client_->SetTls(std::make_shared<TlsClientOptions>(TlsClientOptions{.ca_pem = "nonsense"})));
}

std::string ProtocolName(const testing::TestParamInfo<Protocols>& info) {
  return info.param == Protocols::kHttp2 ? "Http2" : "Http1";
}
INSTANTIATE_TEST_SUITE_P(Protocols, BodyTest, testing::Values(Protocols::kHttp1, Protocols::kHttp2), ProtocolName);

}  // namespace
}  // namespace sampan::net
