// Watches: the state to begin with, then every change that a selection sees, with the transitions into and out of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/registry/list.h"

namespace sampan::apiserver {

struct WatchRequest {
  Selection selection;
  std::string resource_version;
  std::string resource_version_match;
  std::optional<bool> send_initial_events;
  bool allow_bookmarks = false;
};

struct Change {
  enum class Type : unsigned char { kAdded, kModified, kDeleted, kInitialEnd };
  Type type = Type::kAdded;
  ObjectPtr object;  // for kDeleted the last state, at the revision of the event; null for kInitialEnd
  store::Revision revision = 0;
};

// One coroutine calls Next at a time; Stop is thread-safe.
class Watcher {
 public:
  // Timeout when the revision asked for is not reached, Expired when it is too old, Invalid for wrong parameters.
  static Task<Result<std::unique_ptr<Watcher>>> Open(const Resource* resource, WatchRequest request);

  // At least one change; nothing once stopped. Expired when the place is lost.
  Task<Result<std::optional<std::vector<Change>>>> Next();
  void Stop() { subscription_->Stop(); }
  // For timers and callbacks that may run when the watcher is gone.
  std::shared_ptr<store::Subscription> Stopper() const { return subscription_; }
  // Everything up to here was returned.
  store::Revision Progress() const;

 private:
  Watcher(const Resource* resource, Selection selection) : kind_(resource->kind), selection_(std::move(selection)) {}
  void Translate(const store::CacheEvent& event, std::vector<Change>& changes) const;

  const api::KindInfo* kind_;
  Selection selection_;
  std::vector<Change> initial_;
  size_t initial_sent_ = 0;
  store::Revision start_ = 0;
  std::shared_ptr<store::Subscription> subscription_;
};

}  // namespace sampan::apiserver
