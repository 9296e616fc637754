// DNS as a client: queries for others and their responses.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dns/wire.h"

namespace sampan::dns {

// A query for `name` (dotted), as we send it upstream. Nothing when the name is none.
std::optional<std::string> WriteQuery(uint16_t id, std::string_view name, Type type);

// One record of somebody's response. `data` is as on the wire: names in it may be compressed.
struct RecordView {
  size_t section = 0;   // 0 answers, 1 authority, 2 additional
  size_t owner_at = 0;  // where its name is in the message
  size_t ttl_at = 0;    // where its TTL is in the message
  uint16_t type = 0;
  uint32_t ttl = 0;
  Bytes data;
  size_t data_at = 0;
};

// A response that was checked as far as headers and records reach; nothing when it is malformed.
class ResponseView {
 public:
  static std::optional<ResponseView> Parse(Bytes message);
  uint16_t id() const;
  Rcode rcode() const;
  bool truncated() const;
  Bytes question() const { return question_; }
  // In order; ends early when `visit` returns false.
  void ForEach(const std::function<bool(const RecordView&)>& visit) const;
  // The name at this place of the message, dotted and lower case; nothing when malformed.
  std::optional<std::string> NameAt(size_t at) const;

 private:
  Bytes message_;
  Bytes question_;
  size_t records_at_ = 0;
};

// Whether two questions ask the same, whatever the case of letters.
bool SameQuestion(Bytes a, Bytes b);

}  // namespace sampan::dns
