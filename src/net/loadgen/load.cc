#include "net/loadgen/load.h"

#include <atomic>
#include <bit>

#include "async/spawn.h"
#include "net/detail/client_connection.h"
#include "net/detail/http1_parser.h"

namespace sampan::net::loadgen {
namespace {

using detail::Connection;

using SteadyClock = std::chrono::steady_clock;
constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kMaxFailureText = 300;

// What all connections share.
struct Shared {
  const LoadOptions& options;
  detail::SslContextPtr tls;
  std::atomic<uint64_t> next_number;
  std::atomic<uint64_t> started{0};
  SteadyClock::time_point until;
};

struct Outcome {
  LoadReport report;
  std::optional<Error> error;
};

std::string RequestText(const LoadOptions& options, uint64_t number) {
  std::string body = options.body;
  std::string digits = fmt::format("{}", number);
  for (size_t at = body.find("{n}"); at != std::string::npos; at = body.find("{n}", at + digits.size())) {
    body.replace(at, 3, digits);
  }
  std::string text = fmt::format("{} {} HTTP/1.1\r\nhost: {}:{}\r\n", options.method, options.path, options.target.host,
                                 options.target.port);
  for (const std::string& header : options.headers) text.append(header).append("\r\n");
  if (!body.empty())
    fmt::format_to(std::back_inserter(text), "content-type: application/json\r\ncontent-length: {}\r\n", body.size());
  return text.append("\r\n").append(body);
}

// One response: its status, its body's length and, when it is a failure, its body's beginning.
class ResponseReader {
 public:
  // True when the response is complete.
  Result<bool> Feed(std::string_view data) {
    if (!in_body_) {
      head_.append(data);
      detail::HeadResult parsed = detail::ParseResponseHead(head_, scanned_, {}, response_, framing_);
      if (parsed.state == detail::ParseState::kBad) return Fail(Error::InternalError("bad response: {}", parsed.reason));
      scanned_ = head_.size();
      if (parsed.state == detail::ParseState::kIncomplete) return false;
      in_body_ = true;
      remaining_ = framing_.content_length.value_or(0);
      return FeedBody(std::string_view(head_).substr(parsed.consumed));
    }
    return FeedBody(data);
  }
  int status() const { return response_.status; }
  uint64_t bytes() const { return bytes_; }
  const std::string& text() const { return text_; }

 private:
  Result<bool> FeedBody(std::string_view data) {
    if (response_.status >= 300 && text_.size() < kMaxFailureText) text_.append(data.substr(0, kMaxFailureText));
    if (!framing_.chunked) {
      bytes_ += data.size();
      remaining_ -= std::min<uint64_t>(remaining_, data.size());
      return remaining_ == 0;
    }
    size_t consumed = 0;
    std::string dropped;
    detail::ParseState state = chunks_.Feed(data, consumed, dropped);
    bytes_ += dropped.size();
    if (state == detail::ParseState::kBad) return Fail(Error::InternalError("bad response: {}", chunks_.reason()));
    return state == detail::ParseState::kDone;
  }

  std::string head_;
  size_t scanned_ = 0;
  bool in_body_ = false;
  detail::ResponseHead response_;
  detail::Framing framing_;
  detail::ChunkedDecoder chunks_;
  uint64_t remaining_ = 0;
  uint64_t bytes_ = 0;
  std::string text_;
};

Task<Result<std::shared_ptr<Connection>>> Connect(Shared* shared, IoLoop* loop) {
  const ClientOptions& target = shared->options.target;
  CO_TRY(auto connection, co_await detail::ConnectSocket(loop, target.host, target.port, target.connect_timeout));
  if (shared->tls == nullptr) co_return connection;
  CO_TRY(detail::SslPtr ssl, detail::NewClientSsl(*shared->tls, *target.tls, target.host, Protocols::kHttp1));
  connection->StartTls(std::move(ssl), shared->tls);
  CO_TRY_VOID(co_await connection->Handshake());
  co_return connection;
}

Task<Result<bool>> ReadResponse(Connection* connection, ResponseReader* reader, std::span<char> scratch) {
  while (true) {
    CO_TRY(size_t length, co_await connection->Read(scratch));
    if (length == 0) co_return Fail(Error::ServiceUnavailable("the server closed the connection"));
    CO_TRY(bool complete, reader->Feed({scratch.data(), length}));
    if (complete) co_return true;
  }
}

Task<Outcome> RunConnection(Shared* shared, IoLoop* loop) {
  Outcome outcome;
  auto connected = co_await Connect(shared, loop);
  if (!connected) {
    outcome.error = std::move(connected).error();
    co_return outcome;
  }
  Connection& connection = **connected;
  const LoadOptions& options = shared->options;
  const bool numbered = options.body.find("{n}") != std::string::npos;
  std::string text = RequestText(options, 0);
  auto scratch = std::make_unique<std::array<char, kReadBytes>>();
  while (options.requests > 0 ? shared->started.fetch_add(1) < options.requests : SteadyClock::now() < shared->until) {
    if (numbered) text = RequestText(options, shared->next_number.fetch_add(1));
    auto began = SteadyClock::now();
    ResponseReader reader;
    auto written = co_await connection.Write(text);
    Result<bool> answered = Fail(Error::ServiceUnavailable("cannot write"));
    if (written) answered = co_await ReadResponse(&connection, &reader, *scratch);
    bool success = answered && reader.status() >= 200 && reader.status() < 300;
    outcome.report.bytes += reader.bytes();
    if (success) {
      ++outcome.report.succeeded;
      outcome.report.latencies.Add(SteadyClock::now() - began);
      continue;
    }
    ++outcome.report.failed;
    if (outcome.report.first_failure.empty()) {
      outcome.report.first_failure =
          answered ? fmt::format("{} {}", reader.status(), reader.text()) : answered.error().message();
    }
    if (!answered) break;
  }
  connection.Close();
  co_return outcome;
}

Task<Outcome> RunOnLoop(Shared* shared, IoLoop* loop) {
  return RunOn(*loop, RunConnection(shared, loop));
}

}  // namespace

void Histogram::Add(Duration latency) {
  auto micros =
      static_cast<uint64_t>(std::max<int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(latency).count(), 0));
  size_t shift = micros < kSub ? 0 : static_cast<size_t>(std::bit_width(micros)) - 5;
  size_t index = micros < kSub ? micros : shift * kSub + (micros >> (shift - 1)) - kSub;
  ++buckets_[std::min(index, buckets_.size() - 1)];
  ++count_;
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
}

Duration Histogram::Percentile(double percent) const {
  if (count_ == 0) return Duration::zero();
  auto wanted = std::min(static_cast<uint64_t>(static_cast<double>(count_) * percent / 100), count_ - 1);
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen <= wanted) continue;
    size_t shift = i / kSub;
    uint64_t micros = shift == 0 ? i : (i % kSub + kSub) << (shift - 1);
    return std::chrono::microseconds(micros);
  }
  return Duration::zero();
}

Result<LoadReport> RunLoad(const LoadOptions& options) {
  Shared shared{.options = options, .next_number = options.first_number};
  if (options.target.tls != nullptr) {
    TRY(shared.tls, detail::NewClientContext(*options.target.tls));
  }
  IoLoops loops(options.threads, "load");
  auto began = SteadyClock::now();
  shared.until = began + options.duration;
  std::vector<Task<Outcome>> tasks;
  for (size_t i = 0; i < options.connections; ++i) tasks.push_back(RunOnLoop(&shared, &loops.Next()));
  std::vector<Outcome> outcomes = SyncWait(loops.at(0), WhenAll(std::move(tasks)));
  LoadReport report;
  report.elapsed = SteadyClock::now() - began;
  for (Outcome& outcome : outcomes) {
    if (outcome.error) return Fail(*std::move(outcome.error));
    report.succeeded += outcome.report.succeeded;
    report.failed += outcome.report.failed;
    report.bytes += outcome.report.bytes;
    report.latencies.Merge(outcome.report.latencies);
    if (report.first_failure.empty()) report.first_failure = std::move(outcome.report.first_failure);
  }
  return report;
}

}  // namespace sampan::net::loadgen
