// HTTP/1.1 message heads and chunked bodies, parsed strictly: what two parsers could read in two ways is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace sampan::net::detail {

enum class ParseState : unsigned char { kIncomplete, kDone, kBad };

struct ParseLimits {
  size_t max_header_bytes = 64 * 1024;
  size_t max_headers = 200;
};

// How a message's body is delimited and what becomes of the connection after it.
struct Framing {
  std::optional<uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  bool expect_continue = false;
  bool http10 = false;
};

struct HeadResult {
  ParseState state = ParseState::kIncomplete;
  size_t consumed = 0;      // kDone: bytes of the head, its empty line included
  int status = 400;         // kBad: what to answer
  std::string_view reason;  // kBad: why, a literal
  static HeadResult Bad(int status, std::string_view reason) { return {ParseState::kBad, 0, status, reason}; }
};

// Fills method, path, query and headers of `request`. `scanned` is how much of `data` an earlier call has seen, so that a
// head that arrives byte by byte costs no more than one that arrives at once.
HeadResult ParseRequestHead(std::string_view data, size_t scanned, const ParseLimits& limits, Request& request,
                            Framing& framing);

struct ResponseHead {
  int status = 0;
  Headers headers;
};
HeadResult ParseResponseHead(std::string_view data, size_t scanned, const ParseLimits& limits, ResponseHead& head,
                             Framing& framing);

// Decodes a chunked body piece by piece. Extensions are skipped; trailers are checked and dropped.
class ChunkedDecoder {
 public:
  // Consumes what it can of `data`, appends content to `body`. kBad with reason().
  ParseState Feed(std::string_view data, size_t& consumed, std::string& body);
  std::string_view reason() const { return reason_; }

 private:
  enum class State : unsigned char { kSize, kContent, kContentEnd, kTrailer, kDone };
  ParseState FeedLine(std::string_view data, size_t& consumed);
  ParseState OnLine(std::string_view line);
  ParseState Bad(std::string_view reason) {
    reason_ = reason;
    return ParseState::kBad;
  }

  State state_ = State::kSize;
  uint64_t remaining_ = 0;
  size_t trailer_bytes_ = 0;
  std::string line_;
  std::string_view reason_;
};

bool IsToken(std::string_view text);       // RFC 9110 token: method and header names
bool IsFieldValue(std::string_view text);  // no control characters but tab
std::string LowerCase(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
// Whether a comma-separated header value has `token`, in any case.
bool HasToken(std::string_view value, std::string_view token);

}  // namespace sampan::net::detail
