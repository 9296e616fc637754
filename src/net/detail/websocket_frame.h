// WebSocket frames (RFC 6455, 5.2) as bytes and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/detail/http1_parser.h"
#include "net/websocket.h"

namespace sampan::net::detail {

enum WsOpcode : uint8_t {
  kWsContinuation = 0,
  kWsText = 1,
  kWsBinary = 2,
  kWsClose = 8,
  kWsPing = 9,
  kWsPong = 10,
};

inline constexpr uint16_t kWsNormal = 1000;
inline constexpr uint16_t kWsProtocolError = 1002;
inline constexpr uint16_t kWsInvalidData = 1007;
inline constexpr uint16_t kWsTooBig = 1009;

// Appends one final frame; with a mask when one is given.
void AppendFrame(std::string& out, WsOpcode opcode, std::string_view payload, std::optional<uint32_t> mask);
// The payload of a close frame.
std::string CloseFramePayload(uint16_t code, std::string_view reason);

// Joins frames into messages and control frames. `side` is the reader's: a server wants masked frames, a client plain ones.
class WsReader {
 public:
  WsReader(WsSide side, size_t max_message_bytes) : side_(side), max_message_bytes_(max_message_bytes) {}

  struct Event {
    WsOpcode opcode = kWsBinary;  // text, binary: a whole message; close, ping, pong
    std::string payload;
  };
  void Feed(std::string_view bytes) { buffer_.append(bytes); }
  // kBad: fault() is the code to close with, reason() why.
  ParseState Next(Event& event);
  uint16_t fault() const { return fault_; }
  std::string_view reason() const { return reason_; }

 private:
  struct Head {
    bool final = false;
    WsOpcode opcode = kWsContinuation;
    bool masked = false;
    size_t bytes = 0;
    uint64_t length = 0;
  };
  ParseState ParseHead(Head& head);
  ParseState Check(const Head& head);
  ParseState Join(const Head& head, std::string payload, Event& event);
  ParseState Bad(uint16_t fault, std::string_view reason) {
    fault_ = fault;
    reason_ = reason;
    return ParseState::kBad;
  }

  const WsSide side_;
  const size_t max_message_bytes_;
  std::string buffer_;
  std::string message_;
  WsOpcode message_opcode_ = kWsContinuation;  // kWsContinuation: no message has begun
  uint16_t fault_ = 0;
  std::string_view reason_;
};

bool IsUtf8(std::string_view text);

}  // namespace sampan::net::detail
