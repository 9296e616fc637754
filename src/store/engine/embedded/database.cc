#include "store/engine/embedded/database.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdarg>
#include <mutex>

#include "base/log.h"
#include "store/engine/embedded/scan.h"

namespace sampan::store::embedded {
namespace {

// RocksDB's own messages: warnings and errors go to the process log, the rest nowhere, so that it keeps no LOG files.
class ProcessLogger final : public rocksdb::Logger {
 public:
  ProcessLogger() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    LOG_WARN("store", "rocksdb: {}", text);
  }
};

rocksdb::Options MakeOptions(const EmbeddedOptions& options, rocksdb::Env* env) {
  rocksdb::Options db;
  if (env != nullptr) db.env = env;
  db.create_if_missing = true;
  db.info_log = std::make_shared<ProcessLogger>();
  db.max_open_files = 128;
  db.max_background_jobs = 2;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.allow_concurrent_memtable_write = false;  // one writer thread
  db.enable_write_thread_adaptive_yield = false;
  // Recovery after an error is the engine's: it decides when the disk is well and opens anew.
  db.max_bgerror_resume_count = 0;
  db.write_buffer_size = options.write_buffer_bytes;
  db.max_write_buffer_number = 3;
  db.max_total_wal_size = 4 * options.write_buffer_bytes;
  db.target_file_size_base = 16 << 20;
  db.max_bytes_for_level_base = 64 << 20;
  for (rocksdb::CompressionType type : rocksdb::GetSupportedCompressions()) {
    if (type == rocksdb::kLZ4Compression) db.compression = type;
  }
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.cache_index_and_filter_blocks = true;
  table.format_version = 5;
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return db;
}

rocksdb::Slice SliceOf(std::string_view text) {
  return {text.data(), text.size()};
}

std::string_view ViewOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

Error Closed() {
  return Error::ServiceUnavailable("the store is closed until its disk accepts writes again");
}

}  // namespace

Error FromStatus(const rocksdb::Status& status, std::string_view what) {
  if (status.IsCorruption()) return Error::InternalError("{}: {}", what, status.ToString());
  return Error::ServiceUnavailable("{}: {}", what, status.ToString());
}

Database::Database(const EmbeddedOptions& options, rocksdb::Env* env, Failpoints* failpoints)
    : options_(options), env_(env), failpoints_(failpoints) {}

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::Open(const EmbeddedOptions& options, rocksdb::Env* env, Failpoints* failpoints) {
  if (mkdir(options.directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Fail(Error::Errno(errno, fmt::format("cannot make the store's directory {}", options.directory)));
  }
  std::unique_ptr<Database> database(new Database(options, env, failpoints));
  TRY_VOID(database->OpenLocked());
  return database;
}

Result<void> Database::OpenLocked() {
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(MakeOptions(options_, env_), options_.directory, &opened);
  if (!status.ok()) return Fail(FromStatus(status, fmt::format("cannot open the store in {}", options_.directory)));
  db_.reset(opened);
  std::string format;
  status = db_->Get({}, SliceOf(kFormatKey), &format);
  if (status.IsNotFound()) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    status = db_->Put(synced, SliceOf(kFormatKey), SliceOf(kFormat));
    format = kFormat;
  }
  if (!status.ok() || format != kFormat) {
    db_.reset();
    if (!status.ok()) return Fail(FromStatus(status, "cannot read the store's format"));
    return Fail(
        Error::InternalError("the store in {} has format {}, this program knows {}", options_.directory, format, kFormat));
  }
  return {};
}

Result<void> Database::Apply(rocksdb::WriteBatch& batch, Durability durability) {
  std::shared_lock lock(mutex_);
  if (db_ == nullptr) return Fail(Closed());
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kSynced;
  rocksdb::Status status = db_->Write(options, &batch);
  if (!status.ok()) return Fail(FromStatus(status, "cannot write to the store"));
  return {};
}

Result<void> Database::Commit(const std::vector<Write>& writes) {
  TRY_VOID(ReachFailpoint(failpoints_, "store.before_write"));
  rocksdb::WriteBatch batch;
  for (const Write& write : writes) {
    std::string key = DataKey(write.key, write.revision);
    std::string header = DataHeader(write.type, write.create_revision);
    rocksdb::Slice key_parts[] = {SliceOf(key)};
    rocksdb::Slice value_parts[] = {SliceOf(header), write.value ? SliceOf(*write.value) : rocksdb::Slice()};
    batch.Put(rocksdb::SliceParts(key_parts, 1), rocksdb::SliceParts(value_parts, 2));
    batch.Put(SliceOf(LogKey(write.revision)),
              SliceOf(EncodeLogRecord({write.type, write.create_revision, write.previous_revision, write.key})));
  }
  TRY_VOID(Apply(batch, Durability::kSynced));
  return ReachFailpoint(failpoints_, "store.after_write");
}

Result<void> Database::Compact(Revision from, Revision to) {
  TRY_VOID(ReachFailpoint(failpoints_, "store.before_compact"));
  rocksdb::WriteBatch batch;
  {
    std::shared_lock lock(mutex_);
    if (db_ == nullptr) return Fail(Closed());
    LogScan scan(*db_, from);
    for (; scan.Valid() && scan.revision() <= to; scan.Next()) {
      TRY(LogRecord record, scan.Record());
      if (scan.revision() > from) {
        if (record.previous_revision != 0) batch.SingleDelete(SliceOf(DataKey(record.key, record.previous_revision)));
        if (record.type == RecordType::kDeletion) batch.SingleDelete(SliceOf(DataKey(record.key, scan.revision())));
      }
      if (scan.revision() < to) batch.SingleDelete(SliceOf(LogKey(scan.revision())));
    }
    TRY_VOID(scan.Finish());
  }
  std::string value;
  AppendRevision(to, value);
  batch.Put(SliceOf(kCompactKey), SliceOf(value));
  TRY_VOID(Apply(batch, Durability::kLazy));
  return ReachFailpoint(failpoints_, "store.after_compact");
}

Result<void> Database::Probe() const {
  rocksdb::Env* env = env_ != nullptr ? env_ : rocksdb::Env::Default();
  const std::string path = options_.directory + "/probe.tmp";
  // What opening needs at least: a manifest, and the write buffers that recovery may have to flush.
  const std::string block(64 << 10, 'x');
  const size_t needed = 2 * options_.write_buffer_bytes;
  std::unique_ptr<rocksdb::WritableFile> file;
  rocksdb::Status status = env->NewWritableFile(path, &file, rocksdb::EnvOptions());
  for (size_t written = 0; status.ok() && written < needed; written += block.size()) status = file->Append(block);
  if (status.ok()) status = file->Sync();
  if (file) (void)file->Close();
  (void)env->DeleteFile(path);
  if (!status.ok()) return Fail(FromStatus(status, "the store's disk refuses writes"));
  return {};
}

Result<void> Database::Reopen() {
  std::unique_lock lock(mutex_);
  db_.reset();
  return OpenLocked();
}

Result<Database::State> Database::ReadState() const {
  std::shared_lock lock(mutex_);
  if (db_ == nullptr) return Fail(Closed());
  State state;
  std::string value;
  rocksdb::Status status = db_->Get({}, SliceOf(kCompactKey), &value);
  if (!status.ok() && !status.IsNotFound()) return Fail(FromStatus(status, "cannot read the store"));
  if (status.ok()) {
    std::optional<Revision> compact = ParseRevision(value);
    if (!compact) return Fail(Error::InternalError("the store's compaction record is damaged"));
    state.compact_revision = *compact;
  }
  std::unique_ptr<rocksdb::Iterator> last(db_->NewIterator({}));
  last->SeekForPrev(SliceOf(std::string(1, kLogPrefix + 1)));
  state.current_revision = state.compact_revision;
  if (last->Valid()) {
    if (std::optional<Revision> revision = ParseLogKey(ViewOf(last->key()))) state.current_revision = *revision;
  }
  if (!last->status().ok()) return Fail(FromStatus(last->status(), "cannot read the store"));
  return state;
}

Result<void> Database::ScanLatest(
    const std::function<void(std::string_view key, Revision mod, Revision create)>& visit) const {
  std::shared_lock lock(mutex_);
  if (db_ == nullptr) return Fail(Closed());
  VersionScan scan(*db_, "", std::string(), std::numeric_limits<Revision>::max());
  while (scan.Next()) visit(scan.key(), scan.mod_revision(), scan.record().create_revision);
  return scan.Finish();
}

Result<RangeResult> Database::Range(const std::string& key, const RangeOptions& options, Revision revision,
                                    const std::function<bool()>& stale) const {
  std::shared_lock lock(mutex_);
  if (db_ == nullptr) return Fail(Closed());
  RangeResult result;
  result.revision = revision;
  // A single key is the range up to the first key that can follow it.
  std::string end = options.end.empty() ? key + '\1' : options.end;
  VersionScan scan(*db_, key, end, revision);
  if (stale()) return Fail(Error::Expired("the requested revision {} has been compacted", revision));
  while (scan.Next()) {
    ++result.count;
    if (options.count_only) continue;
    if (options.limit != 0 && result.kvs.size() == options.limit) {
      result.more = true;
      continue;
    }
    result.kvs.push_back({std::string(scan.key()), std::make_shared<const std::string>(scan.record().value),
                          scan.record().create_revision, scan.mod_revision()});
  }
  TRY_VOID(scan.Finish());
  return result;
}

Result<std::vector<Event>> Database::ReadLog(Revision from, Revision to, size_t limit,
                                             const std::function<bool(std::string_view key)>& keep) const {
  std::shared_lock lock(mutex_);
  if (db_ == nullptr) return Fail(Closed());
  std::vector<Event> events;
  LogScan scan(*db_, from);
  for (; scan.Valid() && scan.revision() <= to && events.size() < limit; scan.Next()) {
    TRY(LogRecord record, scan.Record());
    Event& event = events.emplace_back();
    event.type = record.type == RecordType::kValue ? Event::Type::kPut : Event::Type::kDelete;
    event.kv.mod_revision = scan.revision();
    if (!keep(record.key)) continue;
    event.kv.key = record.key;
    event.kv.create_revision = record.create_revision;
    if (event.type == Event::Type::kDelete) continue;
    std::string bytes;
    rocksdb::Status status = db_->Get({}, SliceOf(DataKey(record.key, scan.revision())), &bytes);
    if (status.IsNotFound()) return Fail(Error::Expired("revision {} has been compacted", scan.revision()));
    if (!status.ok()) return Fail(FromStatus(status, "cannot read the store"));
    std::optional<DataRecord> data = ParseDataRecord(bytes);
    if (!data) return Fail(Error::InternalError("a record of the store is damaged: {}", record.key));
    event.kv.value = std::make_shared<const std::string>(data->value);
  }
  TRY_VOID(scan.Finish());
  return events;
}

}  // namespace sampan::store::embedded
