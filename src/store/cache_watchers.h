// The watchers of one cache, found by what they select, so that an event costs nothing for those whom it does not
// concern. Internal to the cache.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/oneshot.h"
#include "store/cache.h"

namespace sampan::store::detail {

// One watcher's queue. Thread-safe.
class WatcherQueue {
 public:
  using Item = Result<std::optional<std::vector<CacheEventPtr>>>;

  WatcherQueue(CacheQuery query, Revision from) : query_(std::move(query)), from_(from), returned_(from) {}
  const CacheQuery& query() const { return query_; }
  Revision from() const { return from_; }

  void Push(const CacheEventPtr& event, size_t limit);  // beyond the limit the watcher is dropped
  // Drops the watcher when an event of before `revision`, or of it, still waits: only it keeps that alive.
  void ExpireBehind(Revision revision);
  void Expire(std::string message);  // what waits is lost
  void Stop();                       // Next yields nothing from now on
  Task<Item> Next();
  // The revision of the last event that Next returned when more wait, else nothing.
  std::optional<Revision> Behind() const;

 private:
  enum class Phase : unsigned char { kOpen, kStopped, kExpired };
  void Wake(std::unique_lock<std::mutex> lock);
  void ExpireLocked(std::string message);

  const CacheQuery query_;
  const Revision from_;
  mutable std::mutex mutex_;
  std::vector<CacheEventPtr> events_;
  std::optional<Oneshot<bool>::Sender> waiter_;
  Phase phase_ = Phase::kOpen;
  std::string message_;
  Revision returned_ = 0;
};

// Not thread-safe: the cache's lock guards it.
class Watchers {
 public:
  // `queue_limit`: events that may wait for one watcher; fewer when the watchers are many, so that all that never read hold
  // a bounded amount together.
  Watchers(std::vector<std::string> indexed_fields, size_t queue_limit)
      : fields_(std::move(indexed_fields)), queue_limit_(queue_limit), by_field_(fields_.size()) {}

  void Add(std::shared_ptr<WatcherQueue> watcher);
  void Remove(const WatcherQueue* watcher);
  // Hands the event to everyone it concerns. The values are those of the indexed fields, empty for an absent object.
  void Publish(const CacheEventPtr& event, const std::vector<std::string>& before, const std::vector<std::string>& after);
  // Whether the query selects the object, by everything it says.
  bool Matches(const CacheQuery& query, const api::Object& object) const;
  void ExpireAll(const std::string& message);
  void ExpireBehind(Revision revision);
  size_t limit() const;
  void StopAll();
  bool empty() const { return count_ == 0; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  using List = std::vector<std::shared_ptr<WatcherQueue>>;
  using Lists = std::unordered_map<std::string, List, Hash, std::equal_to<>>;
  // The narrowest list that the query belongs to.
  List& ListOf(const CacheQuery& query);
  template <class F>
  void ForEachList(F f);
  void Offer(const Lists& lists, std::string_view key, const CacheEventPtr& event) const;
  void Offer(const List& list, const CacheEventPtr& event) const;

  const std::vector<std::string> fields_;
  const size_t queue_limit_;
  List all_;
  Lists by_namespace_, by_name_;
  std::vector<Lists> by_field_;
  size_t count_ = 0;
};

}  // namespace sampan::store::detail
