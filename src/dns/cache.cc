#include "dns/cache.h"

#include <algorithm>
#include <cstring>

#include "dns/response.h"

namespace sampan::dns {

namespace {

constexpr size_t kEntryOverhead = 200;

// How long a response may be kept; 0: not at all.
uint32_t LifetimeOf(const ResponseView& view, const ResponseCache::Limits& limits) {
  if (view.truncated() || (view.rcode() != Rcode::kNoError && view.rcode() != Rcode::kNxDomain)) return 0;
  uint32_t answers = limits.longest_seconds;
  uint32_t negative = 0;
  bool has_answers = false;
  view.ForEach([&](const RecordView& record) {
    if (record.section == 0) {
      has_answers = true;
      answers = std::min(answers, record.ttl);
    } else if (record.section == 1 && record.type == static_cast<uint16_t>(Type::kSoa) && record.data.size() >= 4) {
      Bytes last = record.data.last(4);
      uint32_t minimum = static_cast<uint32_t>(last[0]) << 24 | last[1] << 16 | last[2] << 8 | last[3];
      negative = std::min({minimum, record.ttl, limits.longest_negative_seconds});
    }
    return true;
  });
  return has_answers && view.rcode() == Rcode::kNoError ? answers : negative;
}

}  // namespace

std::string QuestionKey(const Query& query) {
  std::string key(query.name());
  key += '\0';
  auto type = static_cast<uint16_t>(query.type);
  for (unsigned value : {unsigned{type} >> 8, unsigned{type}, unsigned{query.dnssec_ok}, unsigned{query.edns}}) {
    key += static_cast<char>(value);
  }
  return key;
}

void ResponseCache::Drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->key.size() + entry->response.size() + kEntryOverhead;
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

void ResponseCache::Clear() {
  by_key_.clear();
  entries_.clear();
  bytes_ = 0;
}

size_t ResponseCache::Get(const Query& query, MonoTime now, std::span<uint8_t> buffer) {
  auto found = by_key_.find(QuestionKey(query));
  if (found == by_key_.end()) return 0;
  auto entry = found->second;
  if (entry->expires <= now) {
    Drop(entry);
    return 0;
  }
  if (entry->response.size() > buffer.size()) return 0;
  entries_.splice(entries_.begin(), entries_, entry);
  std::memcpy(buffer.data(), entry->response.data(), entry->response.size());
  std::span<uint8_t> response = buffer.first(entry->response.size());
  response[0] = static_cast<uint8_t>(query.id >> 8);
  response[1] = static_cast<uint8_t>(query.id);
  // The name with its letters as this client wrote them: some check that.
  std::memcpy(response.data() + kHeaderSize, query.question.data(), query.question.size());
  auto age = static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now - entry->stored).count());
  std::optional<ResponseView> view = ResponseView::Parse(response);
  if (age == 0 || !view) return response.size();
  view->ForEach([&](const RecordView& record) {
    if (record.type == static_cast<uint16_t>(Type::kOpt)) return true;  // its TTL is flags
    uint32_t ttl = record.ttl > age ? record.ttl - age : 0;
    for (size_t i = 0; i < 4; ++i) response[record.ttl_at + i] = static_cast<uint8_t>(ttl >> (24 - 8 * i));
    return true;
  });
  return response.size();
}

void ResponseCache::Put(const Query& query, Bytes response, MonoTime now) {
  std::optional<ResponseView> view = ResponseView::Parse(response);
  if (!view || !SameQuestion(view->question(), query.question)) return;
  uint32_t lifetime = LifetimeOf(*view, limits_);
  size_t size = response.size() + query.text_size + 5 + kEntryOverhead;
  if (lifetime == 0 || size > limits_.bytes / 4) return;
  std::string key = QuestionKey(query);
  auto found = by_key_.find(key);
  if (found != by_key_.end()) Drop(found->second);
  entries_.push_front({.key = std::move(key),
                       .response = std::string(response.begin(), response.end()),
                       .stored = now,
                       .expires = now + std::chrono::seconds(lifetime)});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += entries_.front().key.size() + entries_.front().response.size() + kEntryOverhead;
  while (entries_.size() > limits_.entries || bytes_ > limits_.bytes) Drop(std::prev(entries_.end()));
}

}  // namespace sampan::dns
