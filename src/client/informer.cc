#include "client/informer.h"

#include <atomic>
#include <mutex>

#include "async/oneshot.h"
#include "async/spawn.h"
#include "base/contain.h"
#include "base/log.h"

namespace sampan::client {
namespace {

constexpr Duration kFirstBackoff = std::chrono::milliseconds(50);
// A server that was away for long is found again this soon; resuming a watch costs it little.
constexpr Duration kMaxBackoff = std::chrono::seconds(5);
// A watch that lives shorter than this without an event counts as a failure, so that a server that ends every watch at
// once is not called in a tight loop.
constexpr Duration kShortWatch = std::chrono::seconds(1);
constexpr int kTellings = 2;

}  // namespace

// The subscribers of one informer; shared with each subscription, so that both may go first.
struct Subscription::Subscribers {
  std::mutex mutex;
  std::vector<std::shared_ptr<State>> list;
};

struct Subscription::State {
  Executor* strand = nullptr;
  ObjectHandlers handlers;
  std::atomic<bool> ended{false};
  std::shared_ptr<Subscribers> subscribers;

  // A change that escapes its handler is told once more: what it was short of may be there by now. Then it is given up, with
  // its name, and the changes of other objects go on.
  void Tell(const std::vector<Delta>& deltas) const {
    for (const Delta& delta : deltas) {
      for (int attempt = 0; attempt < kTellings; ++attempt) {
        if (ended.load(std::memory_order_relaxed)) return;
        if (Contain("informer handler", [&] { Tell(delta); })) break;
        const api::Object& object = delta.after == nullptr ? *delta.before : *delta.after;
        LOG_ERROR("informer", "a change of {} {}/{} escaped its handler", object.head().kind, object.namespace_(),
                  object.name());
      }
    }
  }
  void Tell(const Delta& delta) const {
    if (delta.before == nullptr) {
      if (handlers.added) handlers.added(delta.after);
    } else if (delta.after == nullptr) {
      if (handlers.deleted) handlers.deleted(delta.before);
    } else if (handlers.updated) {
      handlers.updated(delta.before, delta.after);
    }
  }
  static void Post(const std::shared_ptr<State>& self, std::shared_ptr<const std::vector<Delta>> deltas) {
    self->strand->Post([self, deltas = std::move(deltas)] { self->Tell(*deltas); });
  }
};

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Subscription::~Subscription() {
  if (state_ == nullptr) return;
  state_->ended = true;
  std::shared_ptr<Subscribers> subscribers = state_->subscribers;
  std::lock_guard lock(subscribers->mutex);
  std::erase(subscribers->list, state_);
}

struct ObjectInformer::State {
  const api::KindInfo* kind = nullptr;
  InformerOptions options;
  // Locked around every change of the cache together with its announcement, so that a new subscriber sees each object
  // exactly once: in the snapshot it starts from or as a change after it. Order: this, then the cache's own lock.
  std::shared_ptr<Subscription::Subscribers> subscribers = std::make_shared<Subscription::Subscribers>();
  std::atomic<bool> synced{false};
  std::atomic<api::Revision> revision{0};
  std::vector<Oneshot<bool>::Sender> waiters;  // under subscribers->mutex
  bool doubtful = false;  // of Run: changes may not have been told, so the next list tells every object as updated
};

ObjectInformer::ObjectInformer(Client& client, const api::KindInfo& kind, InformerOptions options, Clock& clock, Rng& rng)
    : client_(client), clock_(clock), rng_(rng), state_(std::make_unique<State>()) {
  state_->kind = &kind;
  state_->options = std::move(options);
}
ObjectInformer::~ObjectInformer() = default;

const api::KindInfo& ObjectInformer::kind() const {
  return *state_->kind;
}

bool ObjectInformer::synced() const {
  return state_->synced;
}

api::Revision ObjectInformer::revision() const {
  return state_->revision;
}

Subscription ObjectInformer::Subscribe(Executor& strand, ObjectHandlers handlers) {
  auto subscriber = std::make_shared<Subscription::State>();
  subscriber->strand = &strand;
  subscriber->handlers = std::move(handlers);
  subscriber->subscribers = state_->subscribers;

  std::lock_guard lock(state_->subscribers->mutex);
  std::vector<Delta> present;
  for (ObjectPtr& object : cache_.List()) present.push_back({nullptr, std::move(object)});
  if (!present.empty()) {
    Subscription::State::Post(subscriber, std::make_shared<const std::vector<Delta>>(std::move(present)));
  }
  state_->subscribers->list.push_back(subscriber);
  return Subscription(std::move(subscriber));
}

Task<bool> ObjectInformer::WaitSynced(CancelToken stop) {
  Oneshot<bool> done;
  {
    std::lock_guard lock(state_->subscribers->mutex);
    if (state_->synced) {
      done.sender().Set(true);
    } else {
      state_->waiters.push_back(done.sender());
    }
  }
  CancelToken::Subscription on_stop = stop.OnCancel([sender = done.sender()]() mutable { sender.Set(false); });
  bool synced = co_await done.Wait();
  // Behind what was posted to the caller's strand.
  co_await Yield();
  co_return synced;
}

// Called with the subscribers' mutex held.
void ObjectInformer::Publish(std::vector<Delta> deltas) {
  if (deltas.empty() || state_->subscribers->list.empty()) return;
  auto shared = std::make_shared<const std::vector<Delta>>(std::move(deltas));
  for (const auto& subscriber : state_->subscribers->list) Subscription::State::Post(subscriber, shared);
}

void ObjectInformer::Apply(const std::vector<WatchEvent>& events) {
  std::lock_guard lock(state_->subscribers->mutex);
  std::vector<Delta> deltas;
  for (const WatchEvent& event : events) {
    if (event.type == WatchEvent::Type::kDeleted) {
      Delta delta = cache_.Remove(event.object->namespace_(), event.object->name());
      if (delta.before != nullptr) deltas.push_back({event.object, nullptr});
    } else if (event.object != nullptr && event.type != WatchEvent::Type::kBookmark) {
      Delta delta = cache_.Put(event.object);
      if (delta.after != nullptr) deltas.push_back(std::move(delta));
    }
    if (event.revision > state_->revision) state_->revision = event.revision;
  }
  Publish(std::move(deltas));
}

Task<Result<void>> ObjectInformer::ListOnce(CancelToken stop) {
  Ref ref{state_->kind, state_->options.namespace_, "", ""};
  ListOptions options{.label_selector = state_->options.label_selector,
                      .field_selector = state_->options.field_selector,
                      .stop = std::move(stop)};
  CO_TRY(ListResult list, co_await client_.List(std::move(ref), std::move(options)));
  std::vector<Oneshot<bool>::Sender> waiters;
  {
    std::lock_guard lock(state_->subscribers->mutex);
    std::vector<Delta> deltas = cache_.Replace(list.items);
    if (state_->doubtful) {
      deltas.clear();
      for (ObjectPtr& object : cache_.List()) deltas.push_back({object, object});
    }
    Publish(std::move(deltas));
    state_->doubtful = false;
    state_->revision = list.revision;
    state_->synced = true;
    waiters.swap(state_->waiters);
  }
  for (auto& waiter : waiters) waiter.Set(true);
  co_return Result<void>();
}

Task<Result<void>> ObjectInformer::WatchOnce(CancelToken stop) {
  Ref ref{state_->kind, state_->options.namespace_, "", ""};
  WatchOptions options{.label_selector = state_->options.label_selector,
                       .field_selector = state_->options.field_selector,
                       .from = state_->revision,
                       .stop = stop};
  CO_TRY(std::unique_ptr<WatchStream> opened, co_await client_.Watch(std::move(ref), std::move(options)));
  std::shared_ptr<WatchStream> stream = std::move(opened);
  // The callback may still run while this returns, so it owns the stream, too.
  CancelToken::Subscription on_stop = stop.OnCancel([stream] { stream->Stop(); });
  MonoTime opened_at = clock_.Monotonic();
  bool any = false;
  while (!stop.Requested()) {
    CO_TRY(std::optional<std::vector<WatchEvent>> events, co_await stream->Next());
    if (!events) {
      bool short_lived = !any && clock_.Monotonic() - opened_at < kShortWatch;
      if (short_lived && !stop.Requested()) co_return Fail(Error::ServiceUnavailable("the watch ended at once"));
      co_return Result<void>();
    }
    any = true;
    Apply(*events);
  }
  co_return Result<void>();
}

// What escapes may have been between the cache's change and its announcement.
Task<Result<void>> ObjectInformer::Round(Task<Result<void>> round) {
  try {
    Result<void> done = co_await std::move(round);
    co_return done;
  } catch (...) {
    state_->doubtful = true;
    co_return Fail(ReportEscape("informer"));
  }
}

Task<void> ObjectInformer::Run(CancelToken stop) {
  Duration backoff = kFirstBackoff;
  bool listed = false;
  while (!stop.Requested()) {
    Result<void> done;
    if (!listed) {
      done = co_await Round(ListOnce(stop));
      listed = done.has_value();
    }
    if (listed) {
      done = co_await Round(WatchOnce(stop));
      bool lost = !done && (done.error().Is(Reason::kExpired) || done.error().Is(Reason::kGone));
      if (lost || state_->doubtful) listed = false;
    }
    if (stop.Requested()) co_return;
    if (done) {
      backoff = kFirstBackoff;
      continue;
    }
    LOG_DEBUG("informer", "{}: {}; again in about {}", state_->kind->resource, done.error(), FormatDuration(backoff));
    co_await clock_.Sleep(backoff + Duration(rng_.Below(static_cast<uint64_t>(backoff.count() / 2))), stop);
    backoff = std::min(backoff * 2, kMaxBackoff);
  }
}

struct InformerFactory::State {
  Client& client;
  Executor& pool;
  Clock& clock;
  Rng& rng;
  CancelSource stop;
  Gate gate;
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<ObjectInformer>> informers;
};

InformerFactory::InformerFactory(Client& client, Executor& pool, Clock& clock, Rng& rng)
    : state_(new State{client, pool, clock, rng}) {}
InformerFactory::~InformerFactory() = default;

ObjectInformer& InformerFactory::ForKind(const api::KindInfo& kind, InformerOptions options) {
  std::string id = fmt::format("{}/{}/{}|{}|{}|{}", kind.group, kind.version, kind.resource, options.namespace_,
                               options.label_selector, options.field_selector);
  std::lock_guard lock(state_->mutex);
  std::unique_ptr<ObjectInformer>& informer = state_->informers[id];
  if (informer == nullptr) {
    informer = std::make_unique<ObjectInformer>(state_->client, kind, std::move(options), state_->clock, state_->rng);
    Spawn(state_->pool, state_->gate, informer->Run(state_->stop.token()));
  }
  return *informer;
}

Task<void> InformerFactory::Stop() {
  state_->stop.Cancel();
  co_await state_->gate.Close();
}

}  // namespace sampan::client
