// The watch cache: all objects of one resource in memory, exact at a revision, with the recent events. It serves GET and
// LIST without touching the disk and fans each event out to those watchers only whom it concerns.
//
// A write is visible here before the store acknowledges it (store.h), so a client reads its own writes, and after a
// successful Put, Get() returns the very object to answer with (unless it was overwritten since: compare revision()).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"
#include "async/clock.h"
#include "async/executor.h"
#include "async/task.h"
#include "base/error.h"
#include "base/guarded.h"
#include "store/sorted_objects.h"
#include "store/store.h"

namespace sampan::store {

struct CacheOptions {
  std::string group;     // "" for core
  std::string resource;  // "pods"
  // Paths of string fields ("spec.nodeName") that lists and watches may select by; an absent field has the value "".
  std::vector<std::string> indexed_fields;
  // Recent events are kept for watches that resume: a few hundred always, more while they are younger than two minutes.
  size_t event_limit = 32'768;
  size_t event_bytes = 32 << 20;  // of the objects that the events hold
  size_t queue_limit = 8192;      // events that may wait for one watcher before it is dropped
  size_t kept_snapshots = 8;      // see KeepSnapshot
};

// Which objects: all conditions that are not empty must hold.
struct CacheQuery {
  std::string namespace_;
  std::string name;
  std::string field;  // one of indexed_fields, with
  std::string value;
};

// One change, shared by all watchers. Immutable but for what is built on first use.
class CacheEvent {
 public:
  CacheEvent(Revision revision, api::ObjectPtr object, api::ObjectPtr old);
  Revision revision() const { return revision_; }
  const api::ObjectPtr& object() const { return object_; }  // the new state; null when it was deleted
  const api::ObjectPtr& old() const { return old_; }        // the state before; null when it was created
  // The state before, with this event's revision as its resourceVersion: the object of a DELETED event, be it that the
  // object is gone or that it left a selector. Not null unless old() is.
  api::ObjectPtr Departed() const;

 private:
  Revision revision_;
  api::ObjectPtr object_, old_;
  mutable Guarded<api::ObjectPtr> departed_;  // not std::atomic: GCC 12's gives its lock back too weakly after a load
};
using CacheEventPtr = std::shared_ptr<const CacheEvent>;

// One watcher's queue. One coroutine calls Next at a time; the rest is thread-safe. It may outlive its cache.
class Subscription {
 public:
  virtual ~Subscription() = default;  // unsubscribes
  // The next events in order, at least one. Nothing after Stop() or when the cache closed. Expired when the watcher was
  // too slow or the cache lost its place: its watch must begin again with a list.
  virtual Task<Result<std::optional<std::vector<CacheEventPtr>>>> Next() = 0;
  virtual void Stop() = 0;
  // Every event up to here has been returned by Next: the resourceVersion of a bookmark.
  virtual Revision Progress() const = 0;
};

struct CacheList {
  ObjectView items;
  Revision revision = 0;  // at which `items` is exact
};

// Thread-safe.
class Cache {
 public:
  virtual ~Cache() = default;
  virtual const CacheOptions& options() const = 0;
  // Waits until it is loaded; ServiceUnavailable when it was stopped, or `stop` asked for the end, before.
  virtual Task<Result<void>> Ready(CancelToken stop = {}) = 0;
  virtual bool IsReady() const = 0;

  virtual Revision revision() const = 0;
  virtual api::ObjectPtr Get(std::string_view namespace_, std::string_view name) const = 0;  // null when absent
  // With a name, at most one object. With a field, from its index.
  virtual CacheList List(const CacheQuery& query) const = 0;
  virtual size_t size() const = 0;

  // Keeps the state of now for List at its revision later; returns that revision. For a first page with a continue token.
  virtual Revision KeepSnapshot() = 0;
  // The kept state, nothing when it is not kept (any longer): then ask Store::Range at that revision.
  virtual std::optional<CacheList> ListAt(Revision revision, const CacheQuery& query) const = 0;

  // Until revision() >= `revision`. Timeout "Too large resource version: ..., current: ..." after `timeout`.
  virtual Task<Result<void>> WaitFor(Revision revision, Duration timeout) = 0;

  // Events after revision `from` (0: after now) about objects that match `query` before or after the change. Expired
  // ("too old resource version: ...") when `from` is older than the kept events.
  virtual Result<std::unique_ptr<Subscription>> Subscribe(CacheQuery query, Revision from) = 0;
};

// The caches of a server. Thread-safe. Borrows everything until Stop() is done.
class CacheSet {
 public:
  CacheSet(Store& store, Executor& background, Clock& clock);
  ~CacheSet();  // after Stop()

  // The cache of a resource, made and started on first use with these options, the same one ever after.
  std::shared_ptr<Cache> Open(const CacheOptions& options);
  // Null when it was never opened.
  std::shared_ptr<Cache> Find(std::string_view group, std::string_view resource) const;
  // Ends the cache of a removed custom resource; its watchers end.
  void Close(std::string_view group, std::string_view resource);
  Task<void> Stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// The text of an object with metadata.resourceVersion set, without building a document. InternalError when it is no JSON
// object with metadata. Stored values carry no resourceVersion.
Result<std::string> WithResourceVersion(std::string_view object_text, Revision revision);
// The string at a dotted path of a JSON object's text; "" when absent or no string.
std::string StringAt(std::string_view object_text, std::string_view path);

}  // namespace sampan::store
