// What a cache knows, without threads and without a store: objects, indexes, recent events. Internal to the cache.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "store/cache_watchers.h"
#include "store/sorted_objects.h"

namespace sampan::store::detail {

// Not thread-safe: the cache's lock guards it.
class CacheState {
 public:
  explicit CacheState(const CacheOptions& options);

  // Starts over with the objects of `revision`; events after it will follow.
  void Load(std::vector<api::ObjectPtr> objects, Revision revision);
  // A change, published to the watchers. `object` is null for a deletion.
  void Apply(const keys::ObjectId& id, api::ObjectPtr object, Revision revision, MonoTime now);
  // Everything up to `revision` has been applied.
  void Advance(Revision revision) { applied_ = std::max(applied_, revision); }

  Revision applied() const { return applied_; }
  const SortedObjects& objects() const { return objects_; }
  Watchers& watchers() { return watchers_; }
  ObjectView List(const CacheQuery& query) const;

  void Keep(Revision revision);
  std::optional<ObjectView> Kept(Revision revision, const CacheQuery& query) const;

  // The events after `from` for a new watcher, which is then added. Expired when they are not all there.
  Result<void> Subscribe(const std::shared_ptr<WatcherQueue>& watcher);

 private:
  using ValueIndex = std::unordered_map<std::string, SortedObjects>;
  std::vector<std::string> FieldsOf(const api::ObjectPtr& object) const;
  void Reindex(const api::ObjectPtr& old, const api::ObjectPtr& object, const std::vector<std::string>& before,
               const std::vector<std::string>& after);
  void Remember(CacheEventPtr event, MonoTime now);
  ObjectView Filter(const ObjectView& view, const CacheQuery& query) const;

  struct Recent {
    CacheEventPtr event;
    MonoTime time;
    size_t bytes;
  };
  const CacheOptions options_;
  SortedObjects objects_;
  std::vector<ValueIndex> indexes_;
  Watchers watchers_;
  Revision applied_ = 0;
  std::deque<Recent> recent_;
  size_t recent_bytes_ = 0;
  Revision forgotten_ = 0;  // events after this revision are in recent_
  // Since slow watchers were last looked for, and the revision that was forgotten by then.
  size_t forgotten_events_ = 0, forgotten_bytes_ = 0;
  Revision last_generation_ = 0;
  std::deque<std::pair<Revision, ObjectView>> kept_;
};

}  // namespace sampan::store::detail
