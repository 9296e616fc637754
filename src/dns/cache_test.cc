#include "dns/cache.h"

#include <gtest/gtest.h>

#include "dns/testing.h"

namespace sampan::dns {
namespace {

using namespace std::chrono_literals;
using Section = ResponseWriter::Section;

struct Asked {
  explicit Asked(std::string_view name, Type type = Type::kA) : message(*WriteQuery(1, name, type)) {
    ParseQuery(BytesOf(message), query);
  }
  std::string message;
  Query query;
};

std::string Positive(const Query& query, uint32_t ttl) {
  std::array<uint8_t, 512> buffer;
  ResponseWriter writer(buffer, query);
  writer.AddAddress(Section::kAnswer, {}, ttl, *IpAddress::Parse("192.0.2.1"));
  size_t size = writer.Finish(Rcode::kNoError, ResponseWriter::Authority::kNo);
  return std::string(reinterpret_cast<char*>(buffer.data()), size);
}

std::string Negative(const Query& query, uint32_t minimum) {
  std::array<uint8_t, 512> buffer;
  ResponseWriter writer(buffer, query);
  writer.AddSoa(Section::kAuthority, 3600, {.zone = "com", .primary = "a.com", .mailbox = "b.com", .minimum = minimum});
  size_t size = writer.Finish(Rcode::kNxDomain, ResponseWriter::Authority::kNo);
  return std::string(reinterpret_cast<char*>(buffer.data()), size);
}

uint32_t TtlAt(ResponseCache& cache, const Query& query, MonoTime now) {
  std::array<uint8_t, 512> buffer;
  size_t size = cache.Get(query, now, buffer);
  if (size == 0) return 0;
  uint32_t ttl = 0;
  ResponseView::Parse(Bytes(buffer).first(size))->ForEach([&](const RecordView& record) {
    ttl = record.ttl;
    return false;
  });
  return ttl;
}

TEST(Cache, TtlsRunDown) {
  ResponseCache cache({});
  Asked asked("www.example.com");
  MonoTime now{};
  cache.Put(asked.query, BytesOf(Positive(asked.query, 60)), now);
  EXPECT_EQ(TtlAt(cache, asked.query, now), 60U);
  EXPECT_EQ(TtlAt(cache, asked.query, now + 45s), 15U);
  EXPECT_EQ(TtlAt(cache, asked.query, now + 60s), 0U);
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(Cache, AnswersInTheCaseAndWithTheIdAsked) {
  ResponseCache cache({});
  Asked lower("www.example.com"), upper("WWW.example.COM");
  upper.message[0] = 0x77;
  ParseQuery(BytesOf(upper.message), upper.query);
  cache.Put(lower.query, BytesOf(Positive(lower.query, 60)), {});
  std::array<uint8_t, 512> buffer;
  ASSERT_GT(cache.Get(upper.query, {}, buffer), 0U);
  EXPECT_EQ(buffer[0], 0x77);
  EXPECT_EQ(buffer[13], 'W');
}

TEST(Cache, NegativeAnswersLiveByTheirSoa) {
  ResponseCache cache({});
  Asked asked("absent.example.com");
  cache.Put(asked.query, BytesOf(Negative(asked.query, 10)), {});
  EXPECT_GT(TtlAt(cache, asked.query, MonoTime{} + 9s), 0U);
  EXPECT_EQ(TtlAt(cache, asked.query, MonoTime{} + 10s), 0U);
}

TEST(Cache, OtherTypesAndOtherQuestionsAreOtherEntries) {
  ResponseCache cache({});
  Asked a("www.example.com"), aaaa("www.example.com", Type::kAaaa);
  cache.Put(a.query, BytesOf(Positive(a.query, 60)), {});
  EXPECT_EQ(TtlAt(cache, aaaa.query, {}), 0U);
  cache.Put(aaaa.query, BytesOf(Positive(a.query, 60)), {});
  EXPECT_EQ(TtlAt(cache, aaaa.query, {}), 0U) << "a response to something else is not kept";
}

TEST(Cache, ForgetsTheLeastRecentlyUsed) {
  ResponseCache cache({.entries = 2});
  Asked a("a.example"), b("b.example"), c("c.example");
  cache.Put(a.query, BytesOf(Positive(a.query, 60)), {});
  cache.Put(b.query, BytesOf(Positive(b.query, 60)), {});
  EXPECT_GT(TtlAt(cache, a.query, {}), 0U);
  cache.Put(c.query, BytesOf(Positive(c.query, 60)), {});
  EXPECT_GT(TtlAt(cache, a.query, {}), 0U);
  EXPECT_EQ(TtlAt(cache, b.query, {}), 0U);
}

}  // namespace
}  // namespace sampan::dns
