// The embedded engine's bytes on disk: one RocksDB column family with three kinds of records, told apart by the first
// byte. Every key of the store keeps its versions until compaction, so that a range at an older revision and the replay
// of a watch read what was true then. Integers are big-endian, so that bytes order as numbers do.
//
//   'd' <key> 00 <~revision:8>  ->  <type:1> <create_revision:8> <value>
//         One version of one key, the newest first because the revision is inverted. `type` is 1 for a value, 2 for a
//         deletion (then create_revision is the deleted key's, and there is no value). Keys contain no zero byte.
//   'l' <revision:8>            ->  <type:1> <create_revision:8> <previous_revision:8> <key>
//         The log: which key the revision wrote. previous_revision is the version it superseded, 0 for none.
//   'm' "format"                ->  "1"
//   'm' "compact"               ->  <revision:8>
//         Revisions below are forgotten: no log records, no versions that were superseded at or before it.
//
// A group of writes is one WriteBatch with one 'd' and one 'l' record each, written to RocksDB's log and synced before
// anything of it is visible. The current revision is that of the last log record, which compaction always leaves.
// A compaction step is one WriteBatch as well: it deletes versions, log records and moves "compact" at once, so each
// record is deleted exactly once (RocksDB's SingleDelete demands that).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/store.h"

namespace sampan::store::embedded {

enum class RecordType : unsigned char { kValue = 1, kDeletion = 2 };

inline constexpr std::string_view kFormatKey = "mformat";
inline constexpr std::string_view kFormat = "1";
inline constexpr std::string_view kCompactKey = "mcompact";
inline constexpr char kDataPrefix = 'd';
inline constexpr char kLogPrefix = 'l';
inline constexpr char kMetaPrefix = 'm';

void AppendRevision(Revision revision, std::string& out);
std::optional<Revision> ParseRevision(std::string_view bytes);  // nothing unless 8 bytes

std::string DataKey(std::string_view key, Revision revision);
// Where the versions of `key` begin, which is also before those of all keys that are greater.
std::string DataKeyFirst(std::string_view key);
// Behind all versions of `key`, before those of the next key.
std::string DataKeyPast(std::string_view key);
struct DataKeyParts {
  std::string_view key;
  Revision revision = 0;
};
std::optional<DataKeyParts> ParseDataKey(std::string_view record_key);

std::string DataHeader(RecordType type, Revision create_revision);
struct DataRecord {
  RecordType type = RecordType::kValue;
  Revision create_revision = 0;
  std::string_view value;
};
std::optional<DataRecord> ParseDataRecord(std::string_view bytes);

std::string LogKey(Revision revision);
std::optional<Revision> ParseLogKey(std::string_view record_key);
struct LogRecord {
  RecordType type = RecordType::kValue;
  Revision create_revision = 0;
  Revision previous_revision = 0;
  std::string_view key;
};
std::string EncodeLogRecord(const LogRecord& record);
std::optional<LogRecord> ParseLogRecord(std::string_view bytes);

}  // namespace sampan::store::embedded
