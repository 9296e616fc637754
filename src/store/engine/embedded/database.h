// RocksDB as the engine needs it: open, one atomic synced batch at a time, reads of versions and of the log, and the
// way back after the disk refused a write. The only file pair that includes RocksDB.
#pragma once

#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/failpoint.h"
#include "store/engine/embedded/layout.h"
#include "store/store.h"

namespace rocksdb {
class DB;
class Env;
class Iterator;
class WriteBatch;
}  // namespace rocksdb

namespace sampan::store::embedded {

// One write of a group, revision assigned.
struct Write {
  RecordType type = RecordType::kValue;
  std::string key;
  Bytes value;  // null for a deletion
  Revision revision = 0;
  Revision create_revision = 0;
  Revision previous_revision = 0;
};

enum class Durability : bool { kLazy, kSynced };

// Reads from any thread; Write, Compact and Reopen from one thread at a time.
class Database {
 public:
  // `env` and `failpoints` may be null; both outlive the database.
  static Result<std::unique_ptr<Database>> Open(const EmbeddedOptions& options, rocksdb::Env* env, Failpoints* failpoints);
  ~Database();

  // All of it and on disk, or an error; after an error it is not known which, until Reopen.
  Result<void> Commit(const std::vector<Write>& writes);

  // Forgets what was superseded at revisions in (from, to] and the log in [from, to).
  Result<void> Compact(Revision from, Revision to);

  // Whether the disk takes writes again, tried with a file of its own.
  Result<void> Probe() const;
  // Closes and opens anew, after a failed write. While that does not succeed, reads fail with ServiceUnavailable.
  Result<void> Reopen();

  struct State {
    Revision compact_revision = 0;
    Revision current_revision = 0;
  };
  Result<State> ReadState() const;

  // Calls `visit` for the newest version of every key that is not deleted, in order of key.
  Result<void> ScanLatest(const std::function<void(std::string_view key, Revision mod, Revision create)>& visit) const;

  // The state of [key, options.end) at `revision`. `stale` is asked once the view is fixed; when it says yes the answer is
  // Expired, because compaction passed by in between.
  Result<RangeResult> Range(const std::string& key, const RangeOptions& options, Revision revision,
                            const std::function<bool()>& stale) const;

  // The events of revisions [from, to], at most `limit`; with values when `keep` says so for the key, else left out.
  Result<std::vector<Event>> ReadLog(Revision from, Revision to, size_t limit,
                                     const std::function<bool(std::string_view key)>& keep) const;

 private:
  Database(const EmbeddedOptions& options, rocksdb::Env* env, Failpoints* failpoints);
  Result<void> OpenLocked();
  Result<void> Apply(rocksdb::WriteBatch& batch, Durability durability);

  const EmbeddedOptions options_;
  rocksdb::Env* env_;
  Failpoints* failpoints_;
  mutable std::shared_mutex mutex_;  // readers share it; Reopen excludes them
  std::unique_ptr<rocksdb::DB> db_;  // null after a Reopen that failed
};

}  // namespace sampan::store::embedded
