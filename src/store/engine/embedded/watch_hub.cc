#include "store/engine/embedded/watch_hub.h"

#include <pthread.h>

#include "base/contain.h"

namespace sampan::store::embedded {
namespace {

// Revisions read from the log at a time for a watch that joins, between deliveries to the others.
constexpr size_t kCatchUpStep = 1000;

}  // namespace

struct WatchHub::WatchState {
  bool Wants(std::string_view k) const { return end.empty() ? k == key : k >= key && k < end; }

  // False when the watch has ended.
  bool Call(Result<WatchBatch> batch) {
    std::lock_guard lock(mutex);
    if (closed) return false;
    callback(std::move(batch));
    return true;
  }
  // Does one step of the watch; what escapes it has left a gap, so the watch ends. The others go on.
  template <class F>
  bool Step(F step) {
    bool lives = false;
    if (Contain("watch of the store", [&] { lives = step(); })) return lives;
    Contain("watch of the store", [this] { Call(Fail(Error::ServiceUnavailable("the watch lost its place"))); });
    return false;
  }

  const std::string key;
  const std::string end;
  const WatchCallback callback;
  std::shared_ptr<const std::atomic<Revision>> hub_delivered;
  Revision next = 0;  // the first revision not delivered yet; of the hub's thread
  std::atomic<Revision> delivered{0};
  std::atomic<bool> live{false};
  std::atomic<bool> progress_wanted{false};
  std::mutex mutex;                 // held while the callback runs, so that the end of the watch waits for it
  std::atomic<bool> closed{false};  // written under the mutex
};

class WatchHub::Handle final : public Watch {
 public:
  explicit Handle(std::shared_ptr<WatchState> state) : state_(std::move(state)) {}
  ~Handle() override {
    std::lock_guard lock(state_->mutex);
    state_->closed = true;
  }
  Revision Delivered() const override {
    if (state_->live) return std::max(state_->delivered.load(), state_->hub_delivered->load());
    return state_->delivered;
  }
  void RequestProgress() override { state_->progress_wanted = true; }

 private:
  std::shared_ptr<WatchState> state_;
};

WatchHub::WatchHub(const Database& database, const std::atomic<Revision>& compact, Revision current, Failpoints* failpoints)
    : database_(database),
      compact_(compact),
      failpoints_(failpoints),
      delivered_(std::make_shared<std::atomic<Revision>>(current)),
      thread_([this] {
        while (!Contain("watches of the store", [this] { Run(); })) {
        }
      }) {
  pthread_setname_np(thread_.native_handle(), "store-watch");
}

WatchHub::~WatchHub() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void WatchHub::Deliver(Delivery delivery) noexcept {
  {
    std::lock_guard lock(mutex_);
    batches_.splice(batches_.end(), delivery);
  }
  changed_.notify_one();
}

std::unique_ptr<Watch> WatchHub::Start(std::string key, std::string end, Revision from, WatchCallback callback) {
  auto state = std::make_shared<WatchState>(std::move(key), std::move(end), std::move(callback), delivered_, from);
  state->delivered = from - 1;
  {
    std::lock_guard lock(mutex_);
    joining_.push_back(state);
    changed_.notify_one();
  }
  return std::make_unique<Handle>(std::move(state));
}

// Watches that join come first: one that was started before a write must have its event before the acknowledgement.
// One that is far behind takes a step between batches; it is not caught up before it is live.
void WatchHub::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !batches_.empty() || !joining_.empty(); });
    if (!joining_.empty()) {
      std::deque<std::shared_ptr<WatchState>> joining = std::exchange(joining_, {});
      lock.unlock();
      Join(joining);
      lock.lock();
      joining_.insert(joining_.end(), joining.begin(), joining.end());
    }
    if (!batches_.empty()) {
      Delivery delivery;
      delivery.splice(delivery.end(), batches_, batches_.begin());
      lock.unlock();
      Dispatch(delivery.front());
      delivery.clear();
      lock.lock();
    } else if (stopping_) {
      return;
    }
  }
}

// Takes those that are live, or have ended, out of `joining`.
void WatchHub::Join(std::deque<std::shared_ptr<WatchState>>& joining) {
  std::erase_if(joining, [this](const std::shared_ptr<WatchState>& watch) {
    bool later = watch->Step([&] { return !CatchUp(*watch); });
    if (!later && watch->live) live_.push_back(watch);
    return !later;
  });
}

void WatchHub::Dispatch(Batch& batch) {
  std::erase_if(live_, [&](const std::shared_ptr<WatchState>& watch) {
    return !watch->Step([&] {
      WatchBatch part;
      for (const Event& event : batch.events) {
        if (event.kv.mod_revision >= watch->next && watch->Wants(event.kv.key)) part.events.push_back(event);
      }
      part.revision = batch.revision;
      return part.events.empty() || watch->Call(std::move(part));
    });
  });
  delivered_->store(batch.revision);
  // After the store: whoever asked before it and still read the old value is told here.
  std::erase_if(live_, [&](const std::shared_ptr<WatchState>& watch) {
    return !watch->Step([&] { return TellProgress(*watch, batch.revision); });
  });
  Contain("store batch", [this] { (void)ReachFailpoint(failpoints_, "store.before_ack"); });
  if (batch.acknowledge) Contain("store batch", batch.acknowledge);
}

bool WatchHub::TellProgress(WatchState& watch, Revision revision) {
  if (watch.closed) return false;
  return !watch.progress_wanted.exchange(false) || watch.Call(WatchBatch{revision, {}});
}

bool WatchHub::CatchUp(WatchState& watch) {
  const Revision target = delivered_->load();
  if (watch.next <= target) {
    const Revision from = watch.next;
    Result<std::vector<Event>> events =
        database_.ReadLog(from, target, kCatchUpStep, [&](std::string_view key) { return watch.Wants(key); });
    // Asked after the read: what compaction took away before it may have been missing.
    if (events && compact_ > from) events = Fail(Error::Expired("revision {} has been compacted", from));
    if (!events) {
      watch.Call(Fail(std::move(events).error()));
      return true;
    }
    WatchBatch part;
    part.revision = events->size() < kCatchUpStep ? target : events->back().kv.mod_revision;
    for (Event& event : *events) {
      if (!event.kv.key.empty()) part.events.push_back(std::move(event));
    }
    watch.next = part.revision + 1;
    const Revision reached = part.revision;
    if (!part.events.empty() && !watch.Call(std::move(part))) return true;
    watch.delivered = reached;
    if (reached < target) return false;
  }
  watch.live = true;
  TellProgress(watch, std::max(target, watch.next - 1));
  return true;
}

}  // namespace sampan::store::embedded
