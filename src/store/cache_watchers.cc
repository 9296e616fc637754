#include "store/cache_watchers.h"

#include <algorithm>

#include "base/check.h"

namespace sampan::store::detail {
namespace {

constexpr size_t kMostWaiting = 4 << 20;  // events, for all watchers of a cache together: 64 MB of pointers
constexpr size_t kLeastWaiting = 256;     // for each of them, however many they are

}  // namespace

void WatcherQueue::Wake(std::unique_lock<std::mutex> lock) {
  std::optional<Oneshot<bool>::Sender> waiter = std::exchange(waiter_, std::nullopt);
  lock.unlock();
  if (waiter) waiter->Set(true);
}

void WatcherQueue::ExpireLocked(std::string message) {
  phase_ = Phase::kExpired;
  message_ = std::move(message);
  events_ = {};
}

void WatcherQueue::Push(const CacheEventPtr& event, size_t limit) {
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::kOpen) return;
  if (events_.size() >= limit) {
    ExpireLocked(fmt::format("the watch was too slow: {} events waited", events_.size()));
  } else {
    events_.push_back(event);
  }
  Wake(std::move(lock));
}

void WatcherQueue::Expire(std::string message) {
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::kOpen) return;
  ExpireLocked(std::move(message));
  Wake(std::move(lock));
}

void WatcherQueue::ExpireBehind(Revision revision) {
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::kOpen || events_.empty() || events_.front()->revision() > revision) return;
  ExpireLocked(fmt::format("the watch was too slow: revision {} still waited", events_.front()->revision()));
  Wake(std::move(lock));
}

void WatcherQueue::Stop() {
  std::unique_lock lock(mutex_);
  if (phase_ == Phase::kOpen) phase_ = Phase::kStopped;
  Wake(std::move(lock));
}

Task<WatcherQueue::Item> WatcherQueue::Next() {
  while (true) {
    Oneshot<bool> ready;
    {
      std::lock_guard lock(mutex_);
      if (phase_ == Phase::kExpired) co_return Fail(Error::Expired("{}", message_));
      if (phase_ == Phase::kStopped) co_return Item(std::nullopt);
      if (!events_.empty()) {
        std::vector<CacheEventPtr> events = std::exchange(events_, {});
        returned_ = events.back()->revision();
        co_return Item(std::move(events));
      }
      waiter_ = ready.sender();
    }
    co_await ready.Wait();
  }
}

std::optional<Revision> WatcherQueue::Behind() const {
  std::lock_guard lock(mutex_);
  if (events_.empty() && phase_ == Phase::kOpen) return std::nullopt;
  return returned_;
}

Watchers::List& Watchers::ListOf(const CacheQuery& query) {
  if (!query.field.empty()) {
    auto field = std::ranges::find(fields_, query.field);
    CHECK(field != fields_.end());
    return by_field_[static_cast<size_t>(field - fields_.begin())][query.value];
  }
  if (!query.name.empty()) return by_name_[query.name];
  if (!query.namespace_.empty()) return by_namespace_[query.namespace_];
  return all_;
}

void Watchers::Add(std::shared_ptr<WatcherQueue> watcher) {
  ListOf(watcher->query()).push_back(std::move(watcher));
  ++count_;
}

void Watchers::Remove(const WatcherQueue* watcher) {
  const CacheQuery& query = watcher->query();
  List& list = ListOf(query);
  count_ -= std::erase_if(list, [&](const std::shared_ptr<WatcherQueue>& one) { return one.get() == watcher; });
  if (!list.empty()) return;
  if (!query.field.empty()) {
    by_field_[static_cast<size_t>(std::ranges::find(fields_, query.field) - fields_.begin())].erase(query.value);
  } else if (!query.name.empty()) {
    by_name_.erase(query.name);
  } else if (!query.namespace_.empty()) {
    by_namespace_.erase(query.namespace_);
  }
}

// The list has answered for its own condition; namespace and name may be conditions besides.
void Watchers::Offer(const List& list, const CacheEventPtr& event) const {
  const api::Object& object = event->object() ? *event->object() : *event->old();
  for (const std::shared_ptr<WatcherQueue>& watcher : list) {
    const CacheQuery& query = watcher->query();
    if (event->revision() <= watcher->from()) continue;
    if (!query.namespace_.empty() && query.namespace_ != object.namespace_()) continue;
    if (!query.name.empty() && query.name != object.name()) continue;
    watcher->Push(event, limit());
  }
}

void Watchers::Offer(const Lists& lists, std::string_view key, const CacheEventPtr& event) const {
  if (lists.empty()) return;
  if (auto found = lists.find(key); found != lists.end()) Offer(found->second, event);
}

void Watchers::Publish(const CacheEventPtr& event, const std::vector<std::string>& before,
                       const std::vector<std::string>& after) {
  if (count_ == 0) return;
  const api::Object& object = event->object() ? *event->object() : *event->old();
  Offer(all_, event);
  Offer(by_namespace_, object.namespace_(), event);
  Offer(by_name_, object.name(), event);
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (event->object()) Offer(by_field_[i], after[i], event);
    if (event->old() && !(event->object() && before[i] == after[i])) Offer(by_field_[i], before[i], event);
  }
}

bool Watchers::Matches(const CacheQuery& query, const api::Object& object) const {
  if (!query.namespace_.empty() && query.namespace_ != object.namespace_()) return false;
  if (!query.name.empty() && query.name != object.name()) return false;
  return query.field.empty() || StringAt(object.bytes(), query.field) == query.value;
}

template <class F>
void Watchers::ForEachList(F f) {
  f(all_);
  for (auto& [key, list] : by_namespace_) f(list);
  for (auto& [key, list] : by_name_) f(list);
  for (Lists& lists : by_field_) {
    for (auto& [key, list] : lists) f(list);
  }
}

void Watchers::ExpireAll(const std::string& message) {
  ForEachList([&](List& list) {
    for (const std::shared_ptr<WatcherQueue>& watcher : list) watcher->Expire(message);
  });
}

void Watchers::ExpireBehind(Revision revision) {
  ForEachList([&](List& list) {
    for (const std::shared_ptr<WatcherQueue>& watcher : list) watcher->ExpireBehind(revision);
  });
}

size_t Watchers::limit() const {
  return std::min(queue_limit_, std::max(kLeastWaiting, kMostWaiting / std::max<size_t>(count_, 1)));
}

void Watchers::StopAll() {
  ForEachList([](List& list) {
    for (const std::shared_ptr<WatcherQueue>& watcher : list) watcher->Stop();
  });
}

}  // namespace sampan::store::detail
