// Iteration over the records of layout.h. Internal to database.cc.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store/engine/embedded/layout.h"

namespace rocksdb {
class DB;
class Iterator;
class Status;
}  // namespace rocksdb

namespace sampan::store::embedded {

// ServiceUnavailable, or InternalError for damaged data.
Error FromStatus(const rocksdb::Status& status, std::string_view what);

// For each key in [begin, end) its newest version at or before `revision`, deletions left out.
//   while (scan.Next()) use(scan.key(), scan.record());   TRY_VOID(scan.Finish());
class VersionScan {
 public:
  VersionScan(rocksdb::DB& db, std::string_view begin, std::string end, Revision revision);  // empty end: to the last key
  ~VersionScan();
  bool Next();
  std::string_view key() const { return parts_.key; }  // this and the record are valid until Next
  Revision mod_revision() const { return parts_.revision; }
  const DataRecord& record() const { return record_; }
  Result<void> Finish() const;

 private:
  bool ParseCurrent();
  void SkipKey();

  std::unique_ptr<rocksdb::Iterator> iterator_;
  std::string end_;
  Revision revision_;
  DataKeyParts parts_;
  DataRecord record_;
  std::string done_key_;  // whose remaining, older versions are skipped
  bool skip_ = false;
  bool damaged_ = false;
};

// The log from a revision on.
class LogScan {
 public:
  LogScan(rocksdb::DB& db, Revision from);
  ~LogScan();
  bool Valid() const { return valid_; }
  Revision revision() const { return revision_; }
  Result<LogRecord> Record() const;  // valid until Next
  void Next();
  Result<void> Finish() const;

 private:
  void ParseCurrent();
  std::unique_ptr<rocksdb::Iterator> iterator_;
  bool valid_ = false;
  Revision revision_ = 0;
};

}  // namespace sampan::store::embedded
