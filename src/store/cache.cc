#include "store/cache.h"

#include <algorithm>

#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "store/cache_impl.h"
#include "store/keys.h"

namespace sampan::store {
namespace {

constexpr Duration kRetry = std::chrono::seconds(1);
// How far back a cache begins, so that watches of before a restart can resume.
constexpr Revision kHistory = 2000;
constexpr size_t kDecodedInTurn = 256;  // objects; then the executor's other work gets its turn

}  // namespace

CacheEvent::CacheEvent(Revision revision, api::ObjectPtr object, api::ObjectPtr old)
    : revision_(revision), object_(std::move(object)), old_(std::move(old)) {}

api::ObjectPtr CacheEvent::Departed() const {
  if (api::ObjectPtr departed = *departed_.ReadLock()) return departed;
  Result<std::string> bytes = WithResourceVersion(old_->bytes(), revision_);
  if (!bytes) return old_;
  Result<api::ObjectPtr> object = api::Object::FromBytes(*std::move(bytes));
  if (!object) return old_;
  auto departed = departed_.Lock();
  if (*departed == nullptr) *departed = *std::move(object);  // the first one is all watchers'
  return *departed;
}

namespace detail {

// Of a cache that may be gone by then.
class SubscriptionImpl final : public Subscription {
 public:
  SubscriptionImpl(std::shared_ptr<CacheImpl> cache, std::shared_ptr<WatcherQueue> queue)
      : cache_(std::move(cache)), queue_(std::move(queue)) {}
  ~SubscriptionImpl() override { cache_->Unsubscribe(queue_.get()); }
  Task<Result<std::optional<std::vector<CacheEventPtr>>>> Next() override { return queue_->Next(); }
  void Stop() override { queue_->Stop(); }
  Revision Progress() const override { return cache_->ProgressOf(*queue_); }

 private:
  std::shared_ptr<CacheImpl> cache_;
  std::shared_ptr<WatcherQueue> queue_;
};

CacheImpl::CacheImpl(const CacheOptions& options, Store& store, Clock& clock)
    : options_(options),
      store_(store),
      clock_(clock),
      prefix_(keys::ResourcePrefix(options.group, options.resource)),
      state_(options) {}

Revision CacheImpl::RevisionLocked() const {
  Revision delivered = watch_ ? watch_->Delivered() : 0;
  return std::max(delivered, state_.applied());
}

Revision CacheImpl::revision() const {
  std::shared_lock lock(mutex_);
  return RevisionLocked();
}

api::ObjectPtr CacheImpl::Get(std::string_view namespace_, std::string_view name) const {
  std::shared_lock lock(mutex_);
  return state_.objects().Find({namespace_, name});
}

CacheList CacheImpl::List(const CacheQuery& query) const {
  std::shared_lock lock(mutex_);
  const Revision revision = RevisionLocked();
  return {state_.List(query), revision};
}

size_t CacheImpl::size() const {
  std::shared_lock lock(mutex_);
  return state_.objects().size();
}

Revision CacheImpl::KeepSnapshot() {
  std::unique_lock lock(mutex_);
  const Revision revision = RevisionLocked();
  state_.Keep(revision);
  return revision;
}

std::optional<CacheList> CacheImpl::ListAt(Revision revision, const CacheQuery& query) const {
  std::shared_lock lock(mutex_);
  std::optional<ObjectView> view = state_.Kept(revision, query);
  if (!view) return std::nullopt;
  return CacheList{*std::move(view), revision};
}

Result<std::unique_ptr<Subscription>> CacheImpl::Subscribe(CacheQuery query, Revision from) {
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::kReady) return Fail(Error::ServiceUnavailable("the cache of {} is not ready", options_.resource));
  if (from == 0) from = RevisionLocked();
  auto queue = std::make_shared<WatcherQueue>(std::move(query), from);
  TRY_VOID(state_.Subscribe(queue));
  return std::make_unique<SubscriptionImpl>(shared_from_this(), std::move(queue));
}

void CacheImpl::Unsubscribe(const WatcherQueue* queue) {
  std::unique_lock lock(mutex_);
  state_.watchers().Remove(queue);
}

// Events are published under the exclusive lock, so under the shared one an empty queue has everything returned.
Revision CacheImpl::ProgressOf(const WatcherQueue& queue) const {
  std::shared_lock lock(mutex_);
  const Revision revision = RevisionLocked();
  return queue.Behind().value_or(std::max(revision, queue.from()));
}

bool CacheImpl::IsReady() const {
  std::shared_lock lock(mutex_);
  return phase_ == Phase::kReady;
}

Task<Result<void>> CacheImpl::Ready(CancelToken stop) {
  Oneshot<bool> done;
  CancelToken::Subscription stopped = stop.OnCancel([sender = done.sender()]() mutable { sender.Set(false); });
  {
    std::unique_lock lock(mutex_);
    if (phase_ == Phase::kLoading) {
      ready_waiters_.push_back(done.sender());
    } else {
      done.sender().Set(phase_ == Phase::kReady);
    }
  }
  const bool ready = co_await done.Wait();
  if (!ready) co_return Fail(Error::ServiceUnavailable("the cache of {} is not loaded", options_.resource));
  co_return Result<void>();
}

Task<Result<void>> CacheImpl::WaitFor(Revision wanted, Duration timeout) {
  Oneshot<bool> done;
  uint64_t id = 0;
  {
    std::unique_lock lock(mutex_);
    if (RevisionLocked() >= wanted) co_return Result<void>();
    waiters_.push_back({id = ++last_waiter_, wanted, done.sender()});
    if (watch_) watch_->RequestProgress();
  }
  WakeWaiters();
  Clock::TimerId timer = clock_.After(timeout, [sender = done.sender()]() mutable { sender.Set(false); });
  const bool reached = co_await done.Wait();
  clock_.Cancel(timer);
  if (reached) co_return Result<void>();
  {
    std::unique_lock lock(mutex_);
    std::erase_if(waiters_, [id](const Waiter& waiter) { return waiter.id == id; });
  }
  ErrorDetails details;
  details.causes.push_back({"ResourceVersionTooLarge", "Too large resource version", ""});
  details.retry_after_seconds = 1;
  co_return Fail(Error::Timeout("Timeout: Too large resource version: {}, current: {}", wanted, revision())
                     .WithDetails(std::move(details)));
}

void CacheImpl::WakeWaiters() {
  std::vector<Oneshot<bool>::Sender> reached;
  {
    std::unique_lock lock(mutex_);
    const Revision revision = RevisionLocked();
    std::erase_if(waiters_, [&](Waiter& waiter) {
      if (waiter.revision > revision) return false;
      reached.push_back(std::move(waiter.sender));
      return true;
    });
    if (!waiters_.empty() && watch_) watch_->RequestProgress();
  }
  for (Oneshot<bool>::Sender& sender : reached) sender.Set(true);
}

Result<api::ObjectPtr> CacheImpl::Decode(const KeyValue& kv) const {
  TRY(std::string bytes, WithResourceVersion(*kv.value, kv.mod_revision));
  return api::Object::FromBytes(std::move(bytes));
}

void CacheImpl::OnBatch(Result<WatchBatch> batch) {
  if (!batch) {
    LOG_WARN("store", "the watch of {} ended: {}", prefix_, batch.error());
    std::unique_lock lock(mutex_);
    if (lost_) lost_->Set(true);
    return;
  }
  // Decoded outside the lock: readers go on meanwhile.
  std::vector<api::ObjectPtr> objects(batch->events.size());
  for (size_t i = 0; i < objects.size(); ++i) {
    if (batch->events[i].type == Event::Type::kDelete) continue;
    Result<api::ObjectPtr> object = Decode(batch->events[i].kv);
    if (object) {
      objects[i] = *std::move(object);
    } else {
      LOG_ERROR("store", "{} is left out: {}", batch->events[i].kv.key, object.error());
    }
  }
  const MonoTime now = clock_.Monotonic();
  bool waited = false;
  {
    std::unique_lock lock(mutex_);
    for (size_t i = 0; i < objects.size(); ++i) {
      const Event& event = batch->events[i];
      std::optional<keys::ObjectId> id = keys::ParseObject(event.kv.key, prefix_);
      if (!id || (event.type == Event::Type::kPut && !objects[i])) continue;
      state_.Apply(*id, std::move(objects[i]), event.kv.mod_revision, now);
    }
    state_.Advance(batch->revision);
    waited = !waiters_.empty();
  }
  if (waited) WakeWaiters();
}

Task<Result<void>> CacheImpl::Load() {
  const std::string end = keys::PrefixEnd(prefix_);
  const Revision target = store_.current_revision();
  RangeOptions options;
  options.end = end;
  options.revision = std::max<Revision>({store_.compact_revision(), target - kHistory, std::min<Revision>(target, 1)});
  Result<RangeResult> range = co_await store_.Range(prefix_, options);
  if (!range && range.error().Is(Reason::kExpired)) {
    options.revision = 0;
    range = co_await store_.Range(prefix_, options);
  }
  if (!range) co_return Fail(std::move(range).error());
  std::vector<api::ObjectPtr> objects;
  objects.reserve(range->kvs.size());
  size_t decoded = 0;
  for (const KeyValue& kv : range->kvs) {
    if (++decoded % kDecodedInTurn == 0) co_await Yield();
    Result<api::ObjectPtr> object = Decode(kv);
    if (!object) {
      LOG_ERROR("store", "{} is left out: {}", kv.key, object.error());
    } else if (keys::ParseObject(kv.key, prefix_)) {
      objects.push_back(*std::move(object));
    }
  }
  {
    std::unique_lock lock(mutex_);
    state_.Load(std::move(objects), range->revision);
  }
  CO_TRY(std::unique_ptr<Watch> watch, store_.StartWatch(prefix_, end, range->revision + 1,
                                                         [this](Result<WatchBatch> batch) { OnBatch(std::move(batch)); }));
  {
    std::unique_lock lock(mutex_);
    watch_ = std::move(watch);
  }
  Result<void> caught_up = co_await WaitFor(target, std::chrono::minutes(1));
  co_return caught_up;
}

void CacheImpl::Enter(Phase phase) {
  std::vector<Oneshot<bool>::Sender> waiters;
  {
    std::unique_lock lock(mutex_);
    phase_ = phase;
    if (phase != Phase::kLoading) waiters = std::exchange(ready_waiters_, {});
  }
  for (Oneshot<bool>::Sender& waiter : waiters) waiter.Set(phase == Phase::kReady);
}

void CacheImpl::EndWatch() {
  std::unique_ptr<Watch> watch;  // dies outside the lock, because it waits for its callback
  std::unique_lock lock(mutex_);
  watch = std::move(watch_);
  lock.unlock();
}

Task<void> CacheImpl::Run(std::shared_ptr<CacheImpl> self, CancelToken stop) {
  while (!stop.Requested()) {
    Oneshot<bool> lost;
    {
      std::unique_lock lock(self->mutex_);
      self->lost_ = lost.sender();
    }
    Result<void> loaded = co_await Contained("watch cache", self->Load());
    if (loaded) {
      self->Enter(Phase::kReady);
      CancelToken::Subscription wake = stop.OnCancel([sender = lost.sender()]() mutable { sender.Set(false); });
      co_await lost.Wait();
    } else {
      LOG_WARN("store", "cannot load {}: {}", self->prefix_, loaded.error());
      co_await self->clock_.Sleep(kRetry, stop);
    }
    self->EndWatch();
    if (stop.Requested()) break;
    self->Enter(Phase::kLoading);
    std::unique_lock lock(self->mutex_);
    self->state_.watchers().ExpireAll("the watch cache lost its place and loads anew");
  }
  self->Enter(Phase::kStopped);
  std::unique_lock lock(self->mutex_);
  self->state_.watchers().StopAll();
}

}  // namespace detail

struct CacheSet::State {
  State(Store& store, Executor& background, Clock& clock) : store(store), background(background), clock(clock) {}

  struct Entry {
    std::shared_ptr<detail::CacheImpl> cache;
    CancelSource stop;
  };
  Store& store;
  Executor& background;
  Clock& clock;
  Gate gate;
  mutable std::mutex mutex;
  std::map<std::pair<std::string, std::string>, Entry> caches;
};

CacheSet::CacheSet(Store& store, Executor& background, Clock& clock)
    : state_(std::make_shared<State>(store, background, clock)) {}

CacheSet::~CacheSet() = default;

std::shared_ptr<Cache> CacheSet::Open(const CacheOptions& options) {
  std::lock_guard lock(state_->mutex);
  State::Entry& entry = state_->caches[{options.group, options.resource}];
  if (!entry.cache) {
    entry.cache = std::make_shared<detail::CacheImpl>(options, state_->store, state_->clock);
    Spawn(state_->background, state_->gate, detail::CacheImpl::Run(entry.cache, entry.stop.token()));
  }
  return entry.cache;
}

std::shared_ptr<Cache> CacheSet::Find(std::string_view group, std::string_view resource) const {
  std::lock_guard lock(state_->mutex);
  auto found = state_->caches.find({std::string(group), std::string(resource)});
  return found == state_->caches.end() ? nullptr : found->second.cache;
}

void CacheSet::Close(std::string_view group, std::string_view resource) {
  std::optional<State::Entry> entry;
  {
    std::lock_guard lock(state_->mutex);
    auto found = state_->caches.find({std::string(group), std::string(resource)});
    if (found == state_->caches.end()) return;
    entry = std::move(found->second);
    state_->caches.erase(found);
  }
  entry->stop.Cancel();
}

Task<void> CacheSet::Stop() {
  std::vector<CancelSource> stops;
  {
    std::lock_guard lock(state_->mutex);
    for (auto& [resource, entry] : state_->caches) stops.push_back(std::move(entry.stop));
  }
  for (CancelSource& stop : stops) stop.Cancel();
  co_await state_->gate.Close();
}

}  // namespace sampan::store
