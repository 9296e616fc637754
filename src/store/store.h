// The store: etcd's data model behind one interface. One revision counter for all keys; every successful write takes the
// next revision; a watch replays events in order of revision. Engines (store/engine/<name>) pass one contract test,
// store/contract_test.h. Nothing above this header knows which engine runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"

namespace sampan::store {

using Revision = int64_t;

// Keys are /registry/<resource>/<namespace>/<name>; store/keys.h is the only place that builds them.
using Bytes = std::shared_ptr<const std::string>;

struct KeyValue {
  std::string key;
  Bytes value;
  Revision create_revision = 0;
  Revision mod_revision = 0;
};

struct Event {
  enum class Type : unsigned char { kPut, kDelete };
  Type type = Type::kPut;
  // For kDelete: the key, mod_revision of the deletion, a null value. A kPut whose revisions are equal is a creation.
  KeyValue kv;
};

// What must hold of the key for a write to happen; otherwise the write changes nothing and fails with Conflict
// (or AlreadyExists for kMustNotExist, NotFound for a revision of an absent key).
struct Precondition {
  static constexpr Revision kAny = -1;
  static constexpr Revision kMustNotExist = 0;
  Revision mod_revision = kAny;
};

struct RangeOptions {
  std::string end;        // exclusive; empty = only the key itself
  size_t limit = 0;       // 0 = all
  Revision revision = 0;  // 0 = latest; Expired when compacted; BadRequest when in the future
  bool count_only = false;
};

struct RangeResult {
  std::vector<KeyValue> kvs;  // ascending by key
  Revision revision = 0;      // of the store when it answered
  bool more = false;
  int64_t count = 0;  // of all keys in the range, also of those beyond the limit; costs a step for each
};

// Events of one or more whole revisions, ascending; `events` empty for a progress notice.
struct WatchBatch {
  Revision revision = 0;  // everything up to here was delivered
  std::vector<Event> events;
};

// Called in order of revision on a thread of the engine; must not block. After Result error the watch has ended:
// Expired when `from` is compacted, ServiceUnavailable when the engine lost its place.
using WatchCallback = std::function<void(Result<WatchBatch>)>;

class Watch {
 public:
  // Ends the watch; no callback runs once the destructor has returned. Not to be destroyed by its own callback.
  virtual ~Watch() = default;
  // Every event of the watch up to this revision has been delivered: moves on with writes to other keys too.
  virtual Revision Delivered() const = 0;
  // Asks for one callback, without events if need be, at the latest after the next write to any key.
  virtual void RequestProgress() = 0;
};

// Thread-safe. Every task resumes on its caller's executor.
class Store {
 public:
  virtual ~Store() = default;

  // Durable when it returns: a value, once acknowledged, survives SIGKILL and power loss. The result is the key's new
  // mod_revision. ServiceUnavailable while the disk is full or read-only; the engine resumes by itself.
  virtual Task<Result<Revision>> Put(std::string key, std::string value, Precondition precondition) = 0;
  // NotFound when the key is absent.
  virtual Task<Result<Revision>> Delete(std::string key, Precondition precondition) = 0;

  virtual Task<Result<RangeResult>> Range(std::string key, RangeOptions options) = 0;

  // Every event with key in [key, end) and revision >= from; from 0 = from the next revision on. With the embedded
  // engine an event is delivered before its write is acknowledged.
  virtual Result<std::unique_ptr<Watch>> StartWatch(std::string key, std::string end, Revision from,
                                                    WatchCallback callback) = 0;

  // Forgets history below `revision`; the latest value of every key stays.
  virtual Task<Result<void>> Compact(Revision revision) = 0;

  virtual Revision current_revision() const = 0;
  virtual Revision compact_revision() const = 0;
  // Why writes fail now (disk full, no quorum); nothing while healthy.
  virtual std::optional<Error> Health() const = 0;
};

struct EmbeddedOptions {
  std::string directory;  // of RocksDB, made when absent, mode 0700
  size_t block_cache_bytes = 4 << 20;
  size_t write_buffer_bytes = 8 << 20;
  // Revisions kept on disk for watches and for lists at a revision; older ones are compacted away. Survives a restart.
  size_t history_limit = 100'000;
  size_t max_value_bytes = 8 << 20;                   // a larger value is RequestEntityTooLarge
  Duration retry_interval = std::chrono::seconds(1);  // between attempts to resume after a failed write
  size_t history_bytes = size_t{1} << 30;             // of these revisions; more is compacted away before
};
// Errors say what is wrong with the directory: in use by another process, not writable, corrupt. May block for as long
// as recovery reads: one pass over the data.
Result<std::unique_ptr<Store>> OpenEmbedded(const EmbeddedOptions& options);

}  // namespace sampan::store
