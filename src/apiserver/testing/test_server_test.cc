// Linked into the test program only; the name keeps it out of the library.
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "apiserver/testing/test_server.h"
#include "async/spawn.h"
#include "base/check.h"

namespace sampan::apiserver {

namespace {

class FakeAuthenticator final : public auth::Authenticator {
 public:
  Task<Result<auth::UserInfo>> Authenticate(const net::Request& request) override {
    auth::UserInfo user;
    user.name = request.headers.Has("x-user") ? request.headers.Get("x-user") : "admin";
    if (user.name == "thrower") throw std::bad_alloc();
    if (user.name == "expired") co_return Fail(Error::Unauthorized("Unauthorized"));
    user.groups = {user.name == "nobody" ? "system:authenticated" : "system:masters"};
    co_return user;
  }
};

class FakeAuthorizer final : public auth::Authorizer {
 public:
  auth::Decision Authorize(const auth::Attributes& attributes) const override {
    bool creates = attributes.user->name == "changer" && attributes.verb == "create";
    return {attributes.user->name != "nobody" && !creates, ""};
  }
};

// Whether what is written to a client throws.
enum class Link : bool { kHolds, kBreaks };

// What a response writer was told, for any thread to read.
class Recorder final : public net::ResponseWriter {
 public:
  explicit Recorder(Link link) : link_(link) {}

  Task<Result<void>> Respond(net::Response response) override {
    EXPECT_FALSE(std::exchange(begun_, true)) << "one request is answered twice";
    if (link_ == Link::kBreaks) throw std::bad_alloc();
    std::lock_guard lock(mutex_);
    reply_.status = response.status;
    reply_.headers = response.headers;
    for (const net::Chunk& chunk : response.body) reply_.body += chunk.data;
    co_return Result<void>{};
  }
  Task<Result<void>> Start(int status, net::Headers headers) override {
    EXPECT_FALSE(std::exchange(begun_, true)) << "one request is answered twice";
    std::lock_guard lock(mutex_);
    reply_.status = status;
    reply_.headers = std::move(headers);
    co_return Result<void>{};
  }
  Task<Result<void>> Write(std::vector<net::Chunk> chunks) override {
    if (link_ == Link::kBreaks) throw std::bad_alloc();
    std::lock_guard lock(mutex_);
    for (const net::Chunk& chunk : chunks) reply_.body += chunk.data;
    changed_.notify_all();
    co_return Result<void>{};
  }
  Task<Result<void>> Finish() override { co_return Result<void>{}; }
  Task<Result<std::unique_ptr<net::Stream>>> Upgrade(net::Headers) override {
    co_return Fail(Error::BadRequest("no upgrades here"));
  }

  Reply Taken() {
    std::lock_guard lock(mutex_);
    return reply_;
  }
  bool WaitFor(std::string_view text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return reply_.body.find(text) != std::string::npos; });
  }

 private:
  const Link link_;
  bool begun_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  Reply reply_;
};

Link LinkOf(const net::Request& request) {
  return Link(request.headers.Get("x-user") == "breaker");
}

net::Request RequestOf(std::string_view method, std::string_view target, std::string body,
                       const TestServer::HeaderList& headers) {
  net::Request request;
  request.method = method;
  request.path = target.substr(0, target.find('?'));
  if (target.find('?') != std::string_view::npos) request.query = target.substr(target.find('?') + 1);
  for (const auto& [name, value] : headers) request.headers.Add(name, value);
  request.body = net::TextBody(std::move(body));
  return request;
}

class RunningRequest final : public TestServer::Running {
 public:
  RunningRequest(Executor& executor, net::Handler handler, net::Request request)
      : executor_(executor), handler_(std::move(handler)), request_(std::move(request)), recorder_(LinkOf(request_)) {
    request_.gone = gone_.token();
    Spawn(executor_, gate_, handler_(request_, recorder_));
  }
  ~RunningRequest() override {
    if (!ended_) Hangup();
  }
  bool WaitFor(std::string_view text) override { return recorder_.WaitFor(text); }
  std::string Body() override { return recorder_.Taken().body; }
  int Status() override { return recorder_.Taken().status; }
  void Hangup() override {
    gone_.Cancel();
    Join();
  }
  void Join() override {
    ended_ = true;
    SyncWait(executor_, gate_.Close());
  }

 private:
  Executor& executor_;
  net::Handler handler_;
  net::Request request_;
  Recorder recorder_;
  CancelSource gone_;
  Gate gate_;
  bool ended_ = false;
};

std::string NewDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sampan-apiserver-XXXXXX").string();
  CHECK(mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

std::unique_ptr<store::Store> OpenStore(const std::string& directory) {
  store::EmbeddedOptions options;
  options.directory = directory + "/db";
  auto opened = store::OpenEmbedded(options);
  CHECK(opened.has_value());
  return *std::move(opened);
}

}  // namespace

json::Value Reply::Json() const {
  Result<json::Value> value = json::Parse(body);
  return value ? *std::move(value) : json::Value();
}

struct TestServer::State {
  explicit State(TestOptions options)
      : directory(options.directory.empty() ? NewDirectory() : options.directory),
        removes(options.directory.empty()),
        store(OpenStore(directory)),
        caches(*store, *pool, clock),
        server({*store, caches, authenticator, options.authorizer != nullptr ? *options.authorizer : authorizer, clock, *rng,
                *pool, loops},
               options.server) {}

  const std::string directory;
  const bool removes;
  ManualClock clock;
  std::unique_ptr<Rng> rng = NewSeededRng(1);
  std::unique_ptr<Executor> pool = NewThreadPool("test", 2);
  std::unique_ptr<Executor> caller = NewStrand(*pool);
  IoLoops loops{1, "test-io"};
  std::unique_ptr<store::Store> store;
  store::CacheSet caches;
  FakeAuthenticator authenticator;
  FakeAuthorizer authorizer;
  ApiServer server;
};

TestServer::TestServer(TestOptions options) {
  options.server.advertise_address = "192.0.2.10";
  Begin begin = options.begin;
  state_ = std::make_unique<State>(std::move(options));
  if (begin == Begin::kServing) Load();
  auth::UserInfo user;
  user.name = "system:test";
  user.groups = {"system:masters"};
  client_ = state_->server.InProcess(std::move(user));
}

void TestServer::Load() {
  Result<void> started = SyncWait(*state_->caller, state_->server.Start());
  EXPECT_TRUE(started) << started.error().message();
}

TestServer::~TestServer() {
  SyncWait(*state_->caller, state_->server.Stop());
  SyncWait(*state_->caller, state_->caches.Stop());
  std::string directory = state_->removes ? state_->directory : "";
  client_.reset();
  state_.reset();
  if (!directory.empty()) std::filesystem::remove_all(directory);
}

Reply TestServer::Do(std::string_view method, std::string_view target, std::string body, HeaderList headers) {
  net::Request request = RequestOf(method, target, std::move(body), headers);
  Recorder recorder(LinkOf(request));
  net::Handler handler = state_->server.handler();
  SyncWait(*state_->caller, handler(request, recorder));
  return recorder.Taken();
}

Reply TestServer::Patch(std::string_view target, std::string_view type, std::string body) {
  return Do("PATCH", target, std::move(body), {{"content-type", fmt::format("application/{}", type)}});
}

std::unique_ptr<TestServer::Running> TestServer::Start(std::string_view target, HeaderList headers) {
  return std::make_unique<RunningRequest>(*state_->caller, state_->server.handler(), RequestOf("GET", target, "", headers));
}

std::unique_ptr<TestServer::Running> TestServer::StartWrite(std::string_view method, std::string_view target,
                                                            std::string body) {
  return std::make_unique<RunningRequest>(*state_->caller, state_->server.handler(),
                                          RequestOf(method, target, std::move(body), {}));
}

void TestServer::EndStreams() {
  state_->server.EndStreams();
}

net::Handler TestServer::handler() {
  return state_->server.handler();
}

ManualClock& TestServer::clock() {
  return state_->clock;
}
Executor& TestServer::executor() {
  return *state_->caller;
}
const std::string& TestServer::directory() const {
  return state_->directory;
}
store::CacheSet& TestServer::caches() {
  return state_->caches;
}
store::Store& TestServer::store() {
  return *state_->store;
}

}  // namespace sampan::apiserver
