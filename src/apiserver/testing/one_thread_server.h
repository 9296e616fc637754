// A whole API server - authentication, authorization, admission, registry, store - whose coroutines all run on the thread
// that asks, on a clock that moves only when nothing else does: as quick as can be, and the same each time.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/auth/auth_system.h"
#include "apiserver/server.h"
#include "async/contain.h"
#include "async/spawn.h"
#include "base/check.h"
#include "net/pki.h"
#include "store/keys.h"
#include "store/testing/memory_store.h"

namespace sampan::apiserver {

// Runs its jobs on the thread that asks for it; they may come from any.
class TurnQueue final : public Executor {
 public:
  void Post(Job job) override {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    came_.notify_one();
  }
  bool RunOne() {
    std::unique_lock lock(mutex_);
    if (jobs_.empty()) return false;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    Contain("turn", job);
    return true;
  }
  // For what another thread posts.
  void AwaitOne() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return !jobs_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Job> jobs_;
};

struct WholeAnswer {
  int status = 0;  // 0: none was given
  net::Headers headers;
  std::string body;
};

class OneThreadServer {
 public:
  OneThreadServer();
  ~OneThreadServer();

  // A stream is hung up once it has said all it has to say now.
  WholeAnswer Do(net::Request request);

  // Since the last call, in order.
  std::vector<store::Event> TakeChanges() { return std::exchange(changes_, {}); }
  // Whether time had to pass, and with it came other work, since the last call.
  bool TakeTimePassed() { return std::exchange(time_passed_, false); }
  std::map<std::string, store::Bytes> Objects();
  store::MemoryStore& store() { return store_; }
  void Let(Duration pass);

  // Runs `task` to its end.
  template <class T>
  T Wait(Task<T> task) {
    std::optional<T> result;
    sampan::detail::Launch(turns_, Into(std::move(task), &result));
    RunUntil([&] { return result.has_value(); });
    return *std::move(result);
  }
  void Wait(Task<void> task) { Wait(sampan::detail::Truthy(std::move(task))); }

 private:
  class Writer;
  template <class T>
  static sampan::detail::Detached Into(Task<T> task, std::optional<T>* result) {
    T value = co_await std::move(task);
    result->emplace(std::move(value));
  }
  template <class F>
  void RunUntil(F done);
  void RunAll() {
    while (turns_.RunOne()) {
    }
  }

  TurnQueue turns_;
  ManualClock clock_;
  std::unique_ptr<Rng> rng_ = NewSeededRng(1);
  IoLoops loops_{1};
  store::MemoryStore store_;
  std::vector<store::Event> changes_;
  bool time_passed_ = false;
  std::unique_ptr<store::Watch> everything_;
  store::CacheSet caches_{store_, turns_, clock_};
  std::unique_ptr<auth::AuthSystem> auth_;
  std::unique_ptr<ApiServer> api_;
  std::unique_ptr<client::Client> root_;
  net::Handler handler_;
};

class OneThreadServer::Writer final : public net::ResponseWriter {
 public:
  Task<Result<void>> Respond(net::Response response) override {
    Begin(response.status, std::move(response.headers));
    for (const net::Chunk& chunk : response.body) answer.body += chunk.data;
    co_return Result<void>{};
  }
  Task<Result<void>> Start(int status, net::Headers headers) override {
    Begin(status, std::move(headers));
    streams = true;
    co_return Result<void>{};
  }
  Task<Result<void>> Write(std::vector<net::Chunk> chunks) override {
    for (const net::Chunk& chunk : chunks) answer.body += chunk.data;
    co_return Result<void>{};
  }
  Task<Result<void>> Finish() override { co_return Result<void>{}; }
  Task<Result<std::unique_ptr<net::Stream>>> Upgrade(net::Headers) override {
    co_return Fail(Error::BadRequest("no upgrades here"));
  }

  WholeAnswer answer;
  bool streams = false;

 private:
  void Begin(int status, net::Headers headers) {
    CHECK(answer.status == 0);  // one request is answered once
    answer.status = status;
    answer.headers = std::move(headers);
  }
};

inline OneThreadServer::OneThreadServer() {
  auto watch = [this](Result<store::WatchBatch> batch) { std::ranges::move(batch->events, std::back_inserter(changes_)); };
  everything_ = store_.StartWatch("/", store::keys::PrefixEnd("/"), 0, std::move(watch)).value();
  auth::AuthOptions options;
  options.tokens.signing_key_pem = net::GenerateKeyPem(net::KeyType::kEcdsaP256).value();
  auth_ = auth::AuthSystem::Create(std::move(options), caches_, turns_, clock_, *rng_).value();
  const ServerDependencies dependencies{store_, caches_, auth_->authenticator(), auth_->authorizer(), clock_, *rng_,
                                        turns_, loops_,  &auth_->reviews()};
  CHECK(Wait(auth_->Start()).has_value());
  api_ = std::make_unique<ApiServer>(dependencies, ServerOptions{});
  CHECK(Wait(api_->Start()).has_value());
  root_ = api_->InProcess({"root", "", {std::string(auth::kMastersGroup)}, {}});
  CHECK(Wait(auth_->WriteDefaultRoles(root_.get())).has_value());
  handler_ = api_->handler();
  RunAll();
}

inline OneThreadServer::~OneThreadServer() {
  Wait(auth_->Stop());
  Wait(api_->Stop());
  Wait(caches_.Stop());
  RunAll();
}

inline WholeAnswer OneThreadServer::Do(net::Request request) {
  CancelSource gone;
  request.gone = gone.token();
  Writer writer;
  std::optional<bool> ended;
  sampan::detail::Launch(turns_, Into(Contained("request", handler_(request, writer)), &ended));
  RunUntil([&] {
    if (!ended && writer.streams && !gone.token().Requested()) {
      RunAll();
      gone.Cancel();
    }
    return ended.has_value();
  });
  RunAll();
  return std::move(writer.answer);
}

inline void OneThreadServer::Let(Duration pass) {
  clock_.Advance(pass);
  RunAll();
}

inline std::map<std::string, store::Bytes> OneThreadServer::Objects() {
  store::RangeOptions all;
  all.end = store::keys::PrefixEnd("/");
  std::map<std::string, store::Bytes> objects;
  for (store::KeyValue& kv : Wait(store_.Range("/", all))->kvs) objects.emplace(std::move(kv.key), std::move(kv.value));
  return objects;
}

// Time passes when nothing is left to do; what is not done after a while of it waits for another thread.
template <class F>
void OneThreadServer::RunUntil(F done) {
  constexpr Duration kPatience = std::chrono::seconds(30);
  Duration passed{0};
  while (!done()) {
    if (turns_.RunOne()) continue;
    const std::optional<Duration> next = clock_.UntilNext();
    if (next && passed < kPatience) {
      clock_.Advance(*next);
      passed += *next;
      time_passed_ = true;
    } else {
      turns_.AwaitOne();
    }
  }
}

}  // namespace sampan::apiserver
