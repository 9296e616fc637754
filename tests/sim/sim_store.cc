#include "sim/sim_store.h"

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "async/spawn.h"
#include "base/check.h"
#include "store/engine/embedded/engine.h"

namespace sampan::sim {
namespace {

using store::Event;
using store::Revision;

// The store's part of a run ends before the run goes on.
class HereAndNow final : public Executor {
 public:
  void Post(Job job) override {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    changed_.notify_one();
  }
  template <class T>
  T Run(Task<T> task) {
    std::optional<T> result;
    detail::Launch(*this, Into(std::move(task), &result));
    while (!result) {
      Job job;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !jobs_.empty(); });
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      job();
    }
    return *std::move(result);
  }

 private:
  template <class T>
  static detail::Detached Into(Task<T> task, std::optional<T>* result) {
    T value = co_await std::move(task);
    result->emplace(std::move(value));
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
};

std::map<std::string, uintmax_t> Listing(const std::string& directory) {
  std::map<std::string, uintmax_t> files;
  std::error_code vanished;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.is_regular_file(vanished)) files[entry.path().filename()] = entry.file_size(vanished);
  }
  return files;
}

Error Gone() {
  return Error::ServiceUnavailable("the store is shutting down");
}
Error Full() {
  return Error::ServiceUnavailable("the store refuses writes: No space left on device");
}

}  // namespace

class SimStore::SimWatch final : public store::Watch {
 public:
  SimWatch(SimStore& store, std::string key, std::string end, Revision next, store::WatchCallback callback)
      : store_(&store), key_(std::move(key)), end_(std::move(end)), next_(next), callback_(std::move(callback)) {
    store.watches_.push_back(this);
  }
  ~SimWatch() override {
    if (store_ != nullptr) store_->watches_.remove(this);
  }
  void Detach() { store_ = nullptr; }
  Revision Delivered() const override { return next_ - 1; }
  void RequestProgress() override { progress_ = true; }
  // Its own progress as the engine gives it: after the next write.
  void Tell(const std::vector<Event>& events, Revision revision) {
    store::WatchBatch batch;
    batch.revision = revision;
    for (const Event& event : events) {
      if (event.kv.mod_revision >= next_ && event.kv.key >= key_ && event.kv.key < end_) batch.events.push_back(event);
    }
    next_ = std::max(next_, revision + 1);
    if (ended_ || (batch.events.empty() && !std::exchange(progress_, false))) return;
    callback_(std::move(batch));
  }
  void End(Error error) {
    if (!std::exchange(ended_, true)) callback_(Fail(std::move(error)));
  }

 private:
  SimStore* store_;
  const std::string key_, end_;
  Revision next_;
  bool progress_ = false;
  bool ended_ = false;
  store::WatchCallback callback_;
};

SimStore::SimStore(Deps deps, std::string directory) : deps_(std::move(deps)), directory_(std::move(directory)) {}

SimStore::~SimStore() {
  for (SimWatch* watch : watches_) watch->Detach();
  everything_.reset();
}

Result<std::unique_ptr<SimStore>> SimStore::Open(Deps deps, std::string directory) {
  auto store = std::unique_ptr<SimStore>(new SimStore(std::move(deps), std::move(directory)));
  TRY_VOID(store->OpenEngine());
  return store;
}

Result<void> SimStore::OpenEngine() {
  store::EmbeddedOptions options;
  options.directory = directory_;
  options.write_buffer_bytes = 4 << 20;
  options.retry_interval = std::chrono::milliseconds(1);
  TRY(engine_, store::embedded::Open(options, {.env = &disk_, .failpoints = nullptr}));
  HereAndNow now;
  TRY(store::RangeResult all, now.Run(engine_->Range("/", {.end = "0"})));
  if (deps_.history.last() > 0) {
    deps_.history.ExpectState(all);
  } else {
    for (const store::KeyValue& kv : all.kvs) deps_.history.Begin(kv, all.revision);
  }
  opened_at_ = delivered_ = all.revision;
  TRY(everything_, engine_->StartWatch("/", "0", all.revision + 1, [this](Result<store::WatchBatch> batch) {
    CHECK(batch.has_value());
    auto arrived = arrived_.Lock();
    std::ranges::move(batch->events, std::back_inserter(*arrived));
  }));
  return {};
}

void SimStore::Crash() {
  Die();
  deps_.died();
}

void SimStore::Die() {
  if (dead_) return;
  dead_ = true;
  std::string left = deps_.next_directory();
  // The engine's own threads may be tidying up: a copy counts when the directory is the same before and after.
  std::map<std::string, uintmax_t> before, after = Listing(directory_);
  do {
    before = std::exchange(after, {});
    std::filesystem::remove_all(left);
    std::filesystem::create_directory(left);
    std::error_code vanished;
    for (const auto& [name, size] : before) std::filesystem::copy_file(directory_ + "/" + name, left + "/" + name, vanished);
    after = Listing(directory_);
  } while (before != after);
  std::filesystem::remove(left + "/LOCK");
  directory_ = left;
}

void SimStore::FillDisk() {
  full_ = true;
  disk_.Set(store::embedded::Fault::kFull);
}

void SimStore::FreeDisk() {
  if (!full_) return;
  disk_.Set(store::embedded::Fault::kNone);
  // The engine looks every millisecond.
  while (engine_->Health()) std::this_thread::yield();
  full_ = false;
  while (everything_->Delivered() < engine_->current_revision()) std::this_thread::yield();
  Deliver();
}

std::optional<Error> SimStore::Health() const {
  return full_ && engine_->Health() ? std::optional(Full()) : std::nullopt;
}

void SimStore::Deliver() {
  std::vector<Event> events = std::exchange(*arrived_.Lock(), {});
  if (events.empty()) return;
  for (const Event& event : events) {
    deps_.history.Append(event);
    if (deps_.trace == Trace::kNo) continue;
    std::printf("%s %jd %s %s\n", FormatMicroTime(deps_.clock.Now()).c_str(), static_cast<intmax_t>(event.kv.mod_revision),
                event.kv.key.c_str(), event.kv.value == nullptr ? "deleted" : event.kv.value->c_str());
  }
  delivered_ = events.back().kv.mod_revision;
  for (SimWatch* watch : watches_) watch->Tell(events, delivered_);
  std::ranges::move(events, std::back_inserter(events_));
}

Task<Result<Revision>> SimStore::Write(std::function<Task<Result<Revision>>()> write) {
  if (deps_.faults.Strike(Point::kStoreSlow)) co_await deps_.clock.Sleep(deps_.faults.Delay());
  if (dead_) co_return Fail(Gone());
  if (deps_.faults.Strike(Point::kCrashBeforeWrite)) {
    Crash();
    co_return Fail(Gone());
  }
  HereAndNow now;
  Result<Revision> written = now.Run(write());
  Deliver();
  if (full_ && !written && written.error().Is(Reason::kServiceUnavailable)) co_return Fail(Full());
  if (deps_.faults.Strike(Point::kCrashAfterWrite)) Crash();
  if (deps_.faults.Strike(Point::kStoreLosesPlace) && !watches_.empty()) {
    auto watch = watches_.begin();
    std::advance(watch, deps_.faults.Below(watches_.size()));
    (*watch)->End(Error::ServiceUnavailable("the watch fell behind"));
  }
  if (deps_.faults.Strike(Point::kStoreSlow)) co_await deps_.clock.Sleep(deps_.faults.Delay());
  if (dead_) co_return Fail(Gone());
  co_return written;
}

Task<Result<Revision>> SimStore::Put(std::string key, std::string value, store::Precondition precondition) {
  return Write([this, key = std::move(key), value = std::move(value), precondition] {
    return engine_->Put(key, value, precondition);
  });
}

Task<Result<Revision>> SimStore::Delete(std::string key, store::Precondition precondition) {
  return Write([this, key = std::move(key), precondition] { return engine_->Delete(key, precondition); });
}

Task<Result<store::RangeResult>> SimStore::Range(std::string key, store::RangeOptions options) {
  if (dead_) co_return Fail(Gone());
  HereAndNow now;
  co_return now.Run(engine_->Range(std::move(key), std::move(options)));
}

// What the engine's log has from `from` to when this store was opened.
Result<std::vector<Event>> SimStore::Log(Revision from) {
  Guarded<Result<std::vector<Event>>> collected;
  std::atomic<bool> failed = false;
  auto collect = [&](Result<store::WatchBatch> batch) {
    auto locked = collected.Lock();
    if (batch) {
      std::ranges::move(batch->events, std::back_inserter(**locked));
    } else {
      *locked = Fail(std::move(batch).error());
      failed = true;
    }
  };
  TRY(std::unique_ptr<store::Watch> watch, engine_->StartWatch("/", "0", from, collect));
  while (!failed && watch->Delivered() < engine_->current_revision()) std::this_thread::yield();
  watch.reset();
  auto locked = collected.Lock();
  if (*locked) std::erase_if(**locked, [this](const Event& event) { return event.kv.mod_revision > opened_at_; });
  return std::move(*locked);
}

Result<std::unique_ptr<store::Watch>> SimStore::StartWatch(std::string key, std::string end, Revision from,
                                                           store::WatchCallback callback) {
  if (dead_) return Fail(Gone());
  if (from == 0) from = delivered_ + 1;
  std::vector<Event> past;
  if (from <= opened_at_) {
    TRY(past, Log(from));
  }
  std::ranges::copy(events_, std::back_inserter(past));
  auto watch = std::make_unique<SimWatch>(*this, std::move(key), std::move(end), from, std::move(callback));
  if (from <= delivered_) watch->Tell(past, delivered_);
  return watch;
}

Task<Result<void>> SimStore::Compact(Revision) {
  co_return Result<void>();
}

}  // namespace sampan::sim
