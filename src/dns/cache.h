// Responses of upstream servers, kept for as long as they allow.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"
#include "dns/wire.h"

namespace sampan::dns {

// The same for queries that one response answers.
std::string QuestionKey(const Query& query);

// Bounded by entries and bytes; the least recently used go first. Not thread-safe.
class ResponseCache {
 public:
  struct Limits {
    size_t entries = 10'000;
    size_t bytes = 4 << 20;
    uint32_t longest_seconds = 3600;         // of answers
    uint32_t longest_negative_seconds = 30;  // of NXDOMAIN and of answers without records
  };
  explicit ResponseCache(Limits limits) : limits_(limits) {}

  // Writes the response to `query` into `buffer`, its TTLs reduced by its age, when there is one that fits; its size, or 0.
  size_t Get(const Query& query, MonoTime now, std::span<uint8_t> buffer);
  // Keeps a whole response to `query` unless it forbids that (TTL 0, no SOA with a negative one, an error).
  void Put(const Query& query, Bytes response, MonoTime now);

  void Clear();

  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string key;
    std::string response;
    MonoTime stored;
    MonoTime expires;
  };
  void Drop(std::list<Entry>::iterator entry);

  const Limits limits_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;
  size_t bytes_ = 0;
};

}  // namespace sampan::dns
