#include "net/detail/websocket_frame.h"

#include <gtest/gtest.h>

namespace sampan::net::detail {
namespace {

using namespace std::string_literals;

std::string Frame(WsOpcode opcode, std::string_view payload, bool masked = true) {
  std::string frame;
  AppendFrame(frame, opcode, payload, masked ? std::optional<uint32_t>(0x01020304) : std::nullopt);
  return frame;
}

std::string WithFirst(std::string frame, unsigned char first) {
  frame[0] = static_cast<char>(first);
  return frame;
}

TEST(WsReader, MessagesOfAllLengthsByteByByte) {
  for (size_t length : {size_t{0}, size_t{1}, size_t{125}, size_t{126}, size_t{65535}, size_t{65536}}) {
    std::string text(length, 'w');
    std::string bytes = Frame(kWsText, text);
    WsReader reader(WsSide::kServer, 1 << 20);
    WsReader::Event event;
    for (size_t i = 0; i + 1 < bytes.size(); ++i) {
      reader.Feed(std::string_view(bytes).substr(i, 1));
      if (i < 20) ASSERT_EQ(reader.Next(event), ParseState::kIncomplete);
    }
    reader.Feed(std::string_view(bytes).substr(bytes.size() - 1));
    ASSERT_EQ(reader.Next(event), ParseState::kDone) << length;
    EXPECT_EQ(event.payload, text);
  }
}

TEST(WsReader, JoinsFragmentsAroundAPing) {
  WsReader reader(WsSide::kServer, 100);
  reader.Feed(WithFirst(Frame(kWsText, "Hel"), kWsText) + Frame(kWsPing, "p") + Frame(kWsContinuation, "lo"));
  WsReader::Event event;
  ASSERT_EQ(reader.Next(event), ParseState::kDone);
  EXPECT_EQ(event.opcode, kWsPing);
  ASSERT_EQ(reader.Next(event), ParseState::kDone);
  EXPECT_EQ(event.payload, "Hello");
  EXPECT_EQ(reader.Next(event), ParseState::kIncomplete);
}

TEST(WsReader, Faults) {
  struct Case {
    const char* name;
    std::string bytes;
    uint16_t fault;
  };
  const Case kCases[] = {
      {"not masked", Frame(kWsText, "a", false), kWsProtocolError},
      {"reserved bit", WithFirst(Frame(kWsText, "a"), 0xc1), kWsProtocolError},
      {"unknown opcode", WithFirst(Frame(kWsText, "a"), 0x83), kWsProtocolError},
      {"unknown control", WithFirst(Frame(kWsText, "a"), 0x8b), kWsProtocolError},
      {"fragmented ping", WithFirst(Frame(kWsPing, "a"), kWsPing), kWsProtocolError},
      {"long ping", WithFirst(Frame(kWsText, std::string(126, 'a')), 0x89), kWsProtocolError},
      {"continuation of nothing", Frame(kWsContinuation, "a"), kWsProtocolError},
      {"message inside a message", WithFirst(Frame(kWsText, "a"), kWsText) + Frame(kWsText, "b"), kWsProtocolError},
      {"length not shortest", "\x81\xfe\x00\x01"s.substr(0, 4), kWsProtocolError},
      {"too big", Frame(kWsBinary, std::string(1001, 'a')), kWsTooBig},
      {"too big in pieces",
       WithFirst(Frame(kWsBinary, std::string(600, 'a')), kWsBinary) + Frame(kWsContinuation, std::string(600, 'a')),
       kWsTooBig},
      {"huge length", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"s, kWsTooBig},
      {"text not UTF-8", Frame(kWsText, "\xc0\x80"), kWsInvalidData},
      {"close with one byte", Frame(kWsClose, "a"), kWsProtocolError},
      {"close with a reserved code", Frame(kWsClose, CloseFramePayload(1005, "")), kWsProtocolError},
  };
  for (const Case& c : kCases) {
    WsReader reader(WsSide::kServer, 1000);
    reader.Feed(c.bytes);
    WsReader::Event event;
    EXPECT_EQ(reader.Next(event), ParseState::kBad) << c.name;
    EXPECT_EQ(reader.fault(), c.fault) << c.name;
  }
}

TEST(Utf8, Table) {
  const std::pair<std::string_view, bool> kCases[] = {
      {"", true},
      {"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", true},
      {"\x80", false},
      {"\xc3", false},
      {"\xc0\xaf", false},
      {"\xe0\x80\x80", false},
      {"\xed\xa0\x80", false},
      {"\xf4\x90\x80\x80", false},
      {"\xf0\x80\x80\x80", false},
      {"\xff", false},
  };
  for (const auto& [text, valid] : kCases) EXPECT_EQ(IsUtf8(text), valid) << testing::PrintToString(text);
}

}  // namespace
}  // namespace sampan::net::detail
