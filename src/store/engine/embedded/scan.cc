#include "store/engine/embedded/scan.h"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>

namespace sampan::store::embedded {
namespace {

// Older versions to step over one by one before a seek to the next key is cheaper.
constexpr int kSteps = 8;
constexpr size_t kReadAhead = 1 << 20;

std::string_view ViewOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

std::unique_ptr<rocksdb::Iterator> NewIterator(rocksdb::DB& db, bool whole) {
  rocksdb::ReadOptions options;
  if (whole) {
    options.readahead_size = kReadAhead;
    options.fill_cache = false;
  }
  return std::unique_ptr<rocksdb::Iterator>(db.NewIterator(options));
}

}  // namespace

VersionScan::VersionScan(rocksdb::DB& db, std::string_view begin, std::string end, Revision revision)
    : iterator_(NewIterator(db, end.empty())), end_(std::move(end)), revision_(revision) {
  iterator_->Seek(begin.empty() ? std::string(1, kDataPrefix) : DataKeyFirst(begin));
}

VersionScan::~VersionScan() = default;

bool VersionScan::ParseCurrent() {
  if (!iterator_->Valid()) return false;
  std::string_view record_key = ViewOf(iterator_->key());
  if (record_key.empty() || record_key[0] != kDataPrefix) return false;
  std::optional<DataKeyParts> parts = ParseDataKey(record_key);
  if (!parts) {
    damaged_ = true;
    return false;
  }
  parts_ = *parts;
  return end_.empty() || parts_.key < end_;
}

void VersionScan::SkipKey() {
  for (int step = 0; step < kSteps; ++step) {
    iterator_->Next();
    if (!ParseCurrent() || parts_.key != done_key_) return;
  }
  iterator_->Seek(DataKeyPast(done_key_));
}

bool VersionScan::Next() {
  if (skip_) SkipKey();
  skip_ = false;
  while (ParseCurrent()) {
    if (parts_.revision > revision_) {
      // Newer than asked for: the version to look at, if any, is exactly where its revision sorts.
      iterator_->Next();
      if (ParseCurrent() && parts_.revision > revision_) iterator_->Seek(DataKey(parts_.key, revision_));
      continue;
    }
    std::optional<DataRecord> record = ParseDataRecord(ViewOf(iterator_->value()));
    if (!record) {
      damaged_ = true;
      return false;
    }
    done_key_ = parts_.key;
    if (record->type == RecordType::kDeletion) {
      SkipKey();
      continue;
    }
    record_ = *record;
    skip_ = true;
    return true;
  }
  return false;
}

Result<void> VersionScan::Finish() const {
  if (!iterator_->status().ok()) return Fail(FromStatus(iterator_->status(), "cannot read the store"));
  if (damaged_) return Fail(Error::InternalError("a record of the store is damaged"));
  return {};
}

LogScan::LogScan(rocksdb::DB& db, Revision from) : iterator_(NewIterator(db, false)) {
  iterator_->Seek(LogKey(from));
  ParseCurrent();
}

LogScan::~LogScan() = default;

void LogScan::ParseCurrent() {
  valid_ = false;
  if (!iterator_->Valid()) return;
  if (std::optional<Revision> revision = ParseLogKey(ViewOf(iterator_->key()))) {
    revision_ = *revision;
    valid_ = true;
  }
}

Result<LogRecord> LogScan::Record() const {
  std::optional<LogRecord> record = ParseLogRecord(ViewOf(iterator_->value()));
  if (!record) return Fail(Error::InternalError("the store's log is damaged at revision {}", revision_));
  return *record;
}

void LogScan::Next() {
  iterator_->Next();
  ParseCurrent();
}

Result<void> LogScan::Finish() const {
  if (!iterator_->status().ok()) return Fail(FromStatus(iterator_->status(), "cannot read the store's log"));
  return {};
}

}  // namespace sampan::store::embedded
