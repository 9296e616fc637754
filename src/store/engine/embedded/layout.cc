#include "store/engine/embedded/layout.h"

namespace sampan::store::embedded {
namespace {

constexpr size_t kRevisionBytes = 8;

Revision ReadRevision(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < kRevisionBytes; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<Revision>(value);
}

std::optional<RecordType> ReadType(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  auto type = static_cast<RecordType>(bytes[0]);
  if (type != RecordType::kValue && type != RecordType::kDeletion) return std::nullopt;
  return type;
}

std::string WithPrefix(char prefix, std::string_view key, char separator) {
  std::string out;
  out.reserve(key.size() + 2 + kRevisionBytes);
  out.push_back(prefix);
  out.append(key);
  out.push_back(separator);
  return out;
}

}  // namespace

void AppendRevision(Revision revision, std::string& out) {
  auto value = static_cast<uint64_t>(revision);
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

std::optional<Revision> ParseRevision(std::string_view bytes) {
  if (bytes.size() != kRevisionBytes) return std::nullopt;
  return ReadRevision(bytes);
}

std::string DataKey(std::string_view key, Revision revision) {
  std::string out = WithPrefix(kDataPrefix, key, '\0');
  AppendRevision(~revision, out);
  return out;
}

std::string DataKeyFirst(std::string_view key) {
  return WithPrefix(kDataPrefix, key, '\0');
}

std::string DataKeyPast(std::string_view key) {
  return WithPrefix(kDataPrefix, key, '\1');
}

std::optional<DataKeyParts> ParseDataKey(std::string_view record_key) {
  if (record_key.size() < 2 + kRevisionBytes || record_key[0] != kDataPrefix) return std::nullopt;
  size_t key_size = record_key.size() - 2 - kRevisionBytes;
  if (record_key[1 + key_size] != '\0') return std::nullopt;
  return DataKeyParts{record_key.substr(1, key_size), ~ReadRevision(record_key.substr(2 + key_size))};
}

std::string DataHeader(RecordType type, Revision create_revision) {
  std::string out(1, static_cast<char>(type));
  AppendRevision(create_revision, out);
  return out;
}

std::optional<DataRecord> ParseDataRecord(std::string_view bytes) {
  std::optional<RecordType> type = ReadType(bytes);
  if (!type || bytes.size() < 1 + kRevisionBytes) return std::nullopt;
  return DataRecord{*type, ReadRevision(bytes.substr(1)), bytes.substr(1 + kRevisionBytes)};
}

std::string LogKey(Revision revision) {
  std::string out(1, kLogPrefix);
  AppendRevision(revision, out);
  return out;
}

std::optional<Revision> ParseLogKey(std::string_view record_key) {
  if (record_key.empty() || record_key[0] != kLogPrefix) return std::nullopt;
  return ParseRevision(record_key.substr(1));
}

std::string EncodeLogRecord(const LogRecord& record) {
  std::string out(1, static_cast<char>(record.type));
  out.reserve(1 + 2 * kRevisionBytes + record.key.size());
  AppendRevision(record.create_revision, out);
  AppendRevision(record.previous_revision, out);
  out.append(record.key);
  return out;
}

std::optional<LogRecord> ParseLogRecord(std::string_view bytes) {
  std::optional<RecordType> type = ReadType(bytes);
  if (!type || bytes.size() < 1 + 2 * kRevisionBytes) return std::nullopt;
  return LogRecord{*type, ReadRevision(bytes.substr(1)), ReadRevision(bytes.substr(1 + kRevisionBytes)),
                   bytes.substr(1 + 2 * kRevisionBytes)};
}

}  // namespace sampan::store::embedded
