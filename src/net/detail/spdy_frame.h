// SPDY/3.1 frames as bytes and back. Header blocks are compressed with one zlib stream a direction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/detail/http1_parser.h"
#include "net/http.h"

namespace sampan::net::detail {

enum class SpdyType : uint16_t {
  kData = 0,  // not on the wire: data frames have no type
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kHeaders = 8,
  kWindowUpdate = 9,
};

inline constexpr uint8_t kSpdyFin = 1;
inline constexpr uint32_t kSpdyProtocolError = 1;
inline constexpr uint32_t kSpdyInvalidStream = 2;
inline constexpr uint32_t kSpdyRefusedStream = 3;
inline constexpr uint32_t kSpdyCancel = 5;
inline constexpr uint32_t kSpdyInitialWindowSetting = 7;
inline constexpr size_t kSpdyDefaultWindow = 64 * 1024;

struct SpdyFrame {
  SpdyType type = SpdyType::kData;
  uint8_t flags = 0;
  uint32_t stream = 0;  // of all types but SETTINGS and GOAWAY; PING: its id
  uint32_t value = 0;   // RST_STREAM, GOAWAY: status; WINDOW_UPDATE: delta; GOAWAY's last stream is not kept
  Headers headers;
  std::string data;
  std::optional<uint32_t> initial_window;  // SETTINGS
};

class HeaderDeflater {
 public:
  HeaderDeflater();
  ~HeaderDeflater();
  std::string Deflate(const Headers& headers);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class HeaderInflater {
 public:
  explicit HeaderInflater(size_t max_bytes);
  ~HeaderInflater();
  Result<Headers> Inflate(std::string_view block);

 private:
  Result<std::string> InflateText(std::string_view block);
  struct State;
  std::unique_ptr<State> state_;
  const size_t max_bytes_;
};

// Cuts frames off a stream of bytes.
class SpdyReader {
 public:
  SpdyReader(size_t max_frame_bytes, size_t max_header_bytes)
      : max_frame_bytes_(max_frame_bytes), inflater_(max_header_bytes) {}
  void Feed(std::string_view bytes) { buffer_.append(bytes); }
  // kBad: the session is over, reason() tells why.
  ParseState Next(SpdyFrame& frame);
  const std::string& reason() const { return reason_; }

 private:
  ParseState ParseControl(uint16_t type, std::string_view payload, SpdyFrame& frame);
  ParseState ParseHeaders(std::string_view payload, size_t skip, SpdyFrame& frame);
  ParseState ParseSettings(std::string_view payload, SpdyFrame& frame);
  ParseState Bad(std::string reason) {
    reason_ = std::move(reason);
    return ParseState::kBad;
  }

  const size_t max_frame_bytes_;
  std::string buffer_;
  size_t offset_ = 0;
  HeaderInflater inflater_;
  std::string reason_;
};

// SYN_STREAM, SYN_REPLY: `block` is the deflated headers.
std::string EncodeHeaderFrame(SpdyType type, uint32_t stream, uint8_t flags, std::string_view block);
std::string EncodeDataHead(uint32_t stream, uint8_t flags, size_t length);
// RST_STREAM, WINDOW_UPDATE: stream and value; GOAWAY: last stream and status; PING: id alone.
std::string EncodeControl(SpdyType type, uint32_t stream, uint32_t value);
std::string EncodeSettings(uint32_t initial_window);

}  // namespace sampan::net::detail
