#include "net/detail/spdy_frame.h"

#include <gtest/gtest.h>

namespace sampan::net::detail {
namespace {

using namespace std::string_literals;

Headers Pairs(std::vector<std::pair<std::string, std::string>> items) {
  Headers headers;
  for (auto& [name, value] : items) headers.Add(name, value);
  return headers;
}

TEST(SpdyHeaders, RoundTripSharesOneStream) {
  HeaderDeflater deflater;
  HeaderInflater inflater(64 * 1024);
  for (int i = 0; i < 50; ++i) {
    Headers headers = Pairs(
        {{"streamtype", "stdin"}, {"port", std::to_string(i)}, {"a", "1"}, {"a", "2"}, {"long", std::string(3000, 'x')}});
    std::string block = deflater.Deflate(headers);
    auto back = inflater.Inflate(block);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->items(), headers.items());
    if (i > 0) EXPECT_LT(block.size(), 100U);
  }
}

// The checksum of SPDY/3's dictionary follows the two bytes of the zlib header.
TEST(SpdyHeaders, DictionaryIsTheStandardOne) {
  HeaderDeflater deflater;
  std::string block = deflater.Deflate(Pairs({{"hello", "world"}}));
  EXPECT_EQ(block.substr(2, 4), "\xe3\xc6\xa7\xc2");
}

TEST(SpdyHeaders, Bombs) {
  HeaderDeflater deflater;
  std::string block = deflater.Deflate(Pairs({{"a", std::string(1 << 20, 'x')}}));
  HeaderInflater inflater(64 * 1024);
  EXPECT_FALSE(inflater.Inflate(block));
  HeaderInflater other(64 * 1024);
  EXPECT_FALSE(other.Inflate("garbage that is no zlib stream"));
}

TEST(SpdyReader, FramesByteByByte) {
  HeaderDeflater deflater;
  std::string bytes = EncodeHeaderFrame(SpdyType::kSynStream, 1, kSpdyFin, deflater.Deflate(Pairs({{"port", "80"}})));
  bytes += EncodeDataHead(1, 0, 5) + "hello";
  bytes += EncodeControl(SpdyType::kRstStream, 1, kSpdyCancel);
  bytes += EncodeControl(SpdyType::kPing, 7, 0);
  bytes += EncodeSettings(12345);
  bytes += EncodeControl(SpdyType::kWindowUpdate, 3, 99);
  bytes += EncodeControl(SpdyType::kGoAway, 1, 0);
  SpdyReader reader(1 << 20, 1 << 16);
  std::vector<SpdyFrame> frames;
  for (char byte : bytes) {
    reader.Feed({&byte, 1});
    SpdyFrame frame;
    ParseState state = reader.Next(frame);
    ASSERT_NE(state, ParseState::kBad) << reader.reason();
    if (state == ParseState::kDone) frames.push_back(std::move(frame));
  }
  ASSERT_EQ(frames.size(), 7U);
  EXPECT_EQ(frames[0].headers.Get("port"), "80");
  EXPECT_EQ(frames[0].flags, kSpdyFin);
  EXPECT_EQ(frames[1].data, "hello");
  EXPECT_EQ(frames[2].value, kSpdyCancel);
  EXPECT_EQ(frames[3].stream, 7U);
  EXPECT_EQ(frames[4].initial_window, 12345U);
  EXPECT_EQ(frames[5].value, 99U);
  EXPECT_EQ(frames[6].type, SpdyType::kGoAway);
}

TEST(SpdyReader, Faults) {
  const std::pair<const char*, std::string> kCases[] = {
      {"data on stream 0", EncodeDataHead(0, 0, 0)},
      {"SPDY/2", "\x80\x02\x00\x06\x00\x00\x00\x04\x00\x00\x00\x01"s},
      {"too large", EncodeDataHead(1, 0, 2000)},
      {"short RST_STREAM", "\x80\x03\x00\x03\x00\x00\x00\x04\x00\x00\x00\x01"s},
      {"short PING", "\x80\x03\x00\x06\x00\x00\x00\x00"s},
      {"headers without zlib", EncodeHeaderFrame(SpdyType::kSynReply, 1, 0, "nonsense")},
      {"SYN_STREAM too short", "\x80\x03\x00\x01\x00\x00\x00\x04\x00\x00\x00\x01"s},
      {"SETTINGS that lie about their number", "\x80\x03\x00\x04\x00\x00\x00\x04\x00\x00\x00\x05"s},
      {"HTTP", "GET / HTTP/1.1\r\n\r\n"s},
  };
  for (const auto& [name, bytes] : kCases) {
    SpdyReader reader(1000, 1000);
    reader.Feed(bytes);
    SpdyFrame frame;
    EXPECT_EQ(reader.Next(frame), ParseState::kBad) << name;
  }
}

}  // namespace
}  // namespace sampan::net::detail
