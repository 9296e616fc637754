#include "net/detail/websocket_frame.h"

namespace sampan::net::detail {
namespace {

constexpr size_t kMaxControlPayload = 125;

void Unmask(std::string& payload, const std::array<char, 4>& mask) {
  for (size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
}

uint64_t BigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (unsigned char byte : bytes) value = value << 8 | byte;
  return value;
}

bool IsValidCloseCode(uint64_t code) {
  return (code >= 1000 && code <= 1011 && code != 1004 && code != 1005 && code != 1006) || (code >= 3000 && code < 5000);
}

}  // namespace

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    size_t length = lead < 0x80                   ? 1
                    : lead >= 0xc2 && lead < 0xe0 ? 2
                    : lead >= 0xe0 && lead < 0xf0 ? 3
                    : lead >= 0xf0 && lead < 0xf5 ? 4
                                                  : 0;
    if (length == 0 || text.size() - i < length) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    auto second = length > 2 ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return false;
    if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return false;
    i += length;
  }
  return true;
}

void AppendFrame(std::string& out, WsOpcode opcode, std::string_view payload, std::optional<uint32_t> mask) {
  const char mask_bit = mask ? '\x80' : '\0';
  out.push_back(static_cast<char>(0x80 | opcode));
  int length_bytes = 0;
  if (payload.size() <= kMaxControlPayload) {
    out.push_back(static_cast<char>(mask_bit | static_cast<char>(payload.size())));
  } else {
    length_bytes = payload.size() <= 0xffff ? 2 : 8;
    out.push_back(static_cast<char>(mask_bit | (length_bytes == 2 ? 126 : 127)));
  }
  for (int i = length_bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(payload.size() >> (8 * i)));
  if (!mask) {
    out.append(payload);
    return;
  }
  std::array<char, 4> key;
  std::memcpy(key.data(), &*mask, key.size());
  out.append(key.data(), key.size());
  std::string masked(payload);
  Unmask(masked, key);
  out.append(masked);
}

std::string CloseFramePayload(uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  payload.append(reason.substr(0, kMaxControlPayload - 2));
  return payload;
}

ParseState WsReader::ParseHead(Head& head) {
  if (buffer_.size() < 2) return ParseState::kIncomplete;
  auto first = static_cast<unsigned char>(buffer_[0]);
  auto second = static_cast<unsigned char>(buffer_[1]);
  if ((first & 0x70) != 0) return Bad(kWsProtocolError, "reserved bits are set");
  head.final = (first & 0x80) != 0;
  head.opcode = static_cast<WsOpcode>(first & 0x0f);
  head.masked = (second & 0x80) != 0;
  head.length = second & 0x7f;
  size_t extra = head.length == 126 ? 2 : head.length == 127 ? 8 : 0;
  head.bytes = 2 + extra + (head.masked ? 4 : 0);
  if (extra > 0) {
    if (buffer_.size() < 2 + extra) return ParseState::kIncomplete;
    head.length = BigEndian(std::string_view(buffer_).substr(2, extra));
    if (head.length <= (extra == 2 ? kMaxControlPayload : size_t{0xffff})) {
      return Bad(kWsProtocolError, "length is not in its shortest form");
    }
  }
  return Check(head);
}

ParseState WsReader::Check(const Head& head) {
  if (head.masked != (side_ == WsSide::kServer)) return Bad(kWsProtocolError, "wrong masking");
  bool control = head.opcode >= kWsClose;
  bool known = head.opcode <= kWsBinary || (control && head.opcode <= kWsPong);
  if (!known) return Bad(kWsProtocolError, "unknown opcode");
  if (control && (!head.final || head.length > kMaxControlPayload)) return Bad(kWsProtocolError, "bad control frame");
  if (!control && (head.opcode == kWsContinuation) != (message_opcode_ != kWsContinuation)) {
    return Bad(kWsProtocolError, "fragments out of order");
  }
  if (!control && head.length > max_message_bytes_ - message_.size()) return Bad(kWsTooBig, "message too big");
  return ParseState::kDone;
}

ParseState WsReader::Next(Event& event) {
  while (true) {
    Head head;
    ParseState parsed = ParseHead(head);
    if (parsed != ParseState::kDone) return parsed;
    if (buffer_.size() < head.bytes + head.length) return ParseState::kIncomplete;
    std::string payload = buffer_.substr(head.bytes, static_cast<size_t>(head.length));
    if (head.masked) {
      std::array<char, 4> mask;
      std::memcpy(mask.data(), buffer_.data() + head.bytes - mask.size(), mask.size());
      Unmask(payload, mask);
    }
    buffer_.erase(0, head.bytes + static_cast<size_t>(head.length));
    ParseState joined = Join(head, std::move(payload), event);
    if (joined != ParseState::kIncomplete) return joined;
  }
}

// kIncomplete: a fragment that is not the last.
ParseState WsReader::Join(const Head& head, std::string payload, Event& event) {
  if (head.opcode >= kWsClose) {
    if (head.opcode == kWsClose && !payload.empty()) {
      bool valid = payload.size() >= 2 && IsValidCloseCode(BigEndian(std::string_view(payload).substr(0, 2))) &&
                   IsUtf8(std::string_view(payload).substr(2));
      if (!valid) return Bad(kWsProtocolError, "bad close frame");
    }
    event = {head.opcode, std::move(payload)};
    return ParseState::kDone;
  }
  if (head.opcode != kWsContinuation) message_opcode_ = head.opcode;
  if (message_.empty()) {
    message_ = std::move(payload);
  } else {
    message_ += payload;
  }
  if (!head.final) return ParseState::kIncomplete;
  event = {message_opcode_, std::exchange(message_, {})};
  message_opcode_ = kWsContinuation;
  if (event.opcode == kWsText && !IsUtf8(event.payload)) return Bad(kWsInvalidData, "text is not UTF-8");
  return ParseState::kDone;
}

}  // namespace sampan::net::detail
