#include "apiserver/gate/audit/log.h"

#include "apiserver/gate/audit/rotation.h"
#include "async/channel.h"
#include "async/contain.h"
#include "async/gate.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "base/log.h"

namespace sampan::apiserver::audit {

namespace {

constexpr size_t kWaiting = 10'000;
constexpr size_t kBatchBytes = 1 << 20;

class Log final : public Sink {
 public:
  Log(LogOptions options, Executor& background, Clock& clock)
      : background_(background), clock_(clock), file_(std::move(options)), lines_(kWaiting) {}

  void Write(std::string line) override {
    if (!begun_.exchange(true)) Spawn(background_, gate_, Run(this));
    written_.fetch_add(1, std::memory_order_relaxed);
    if (!lines_.TryPush(std::move(line))) lost_.fetch_add(1, std::memory_order_relaxed);
  }
  uint64_t written() const override { return written_.load(std::memory_order_relaxed); }
  uint64_t lost() const override { return lost_.load(std::memory_order_relaxed); }

  Task<void> Close() override {
    lines_.Close();
    co_await gate_.Close();
  }

 private:
  static Task<void> Run(Log* self) {
    while (true) {
      std::optional<std::string> first = co_await self->lines_.Pop();
      if (!first) co_return;
      co_await Contained("audit", WriteBatch(self, *std::move(first)));
    }
  }

  // What waits goes out in one write.
  static Task<void> WriteBatch(Log* self, std::string batch) {
    size_t events = 1;
    while (batch.size() < kBatchBytes) {
      std::optional<std::string> next = self->lines_.TryPop();
      if (!next) break;
      batch += *next;
      ++events;
    }
    auto append = [self, &batch] { return self->file_.Append(batch, self->clock_.Now()); };
    auto written = co_await self->blocking_.Run(append);
    if (written) co_return;
    self->lost_.fetch_add(events, std::memory_order_relaxed);
    LOG_WARN("audit", "{} events are lost: {}", events, written.error());
  }

  Executor& background_;
  Clock& clock_;
  RotatingFile file_;
  Channel<std::string> lines_;
  BlockingPool blocking_{1};
  std::atomic<bool> begun_{false};
  std::atomic<uint64_t> written_{0};
  std::atomic<uint64_t> lost_{0};
  Gate gate_;
};

}  // namespace

Result<void> CheckLog(const LogOptions& options) {
  RotatingFile file(options);
  return file.Append("", WallTime());
}

std::shared_ptr<Sink> NewLog(LogOptions options, Executor& background, Clock& clock) {
  return std::make_shared<Log>(std::move(options), background, clock);
}

}  // namespace sampan::apiserver::audit
