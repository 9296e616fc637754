// The HTTP/1.1 parser: never crashes, and says the same however the bytes are cut.
#include <cstdlib>

#include "net/detail/http1_parser.h"

using namespace sampan::net;
using namespace sampan::net::detail;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  ParseLimits limits{.max_header_bytes = 1024, .max_headers = 20};
  Request request;
  Framing framing;
  HeadResult whole = ParseRequestHead(text, 0, limits, request, framing);
  HeadResult pieces;
  for (size_t length = 1; length <= size && pieces.state == ParseState::kIncomplete; ++length) {
    Request piece_request;
    Framing piece_framing;
    pieces = ParseRequestHead(text.substr(0, length), length - 1, limits, piece_request, piece_framing);
  }
  if (whole.state != ParseState::kIncomplete && pieces.state != whole.state) abort();
  ResponseHead response;
  Framing response_framing;
  ParseResponseHead(text, 0, limits, response, response_framing);

  ChunkedDecoder at_once;
  ChunkedDecoder by_byte;
  std::string body;
  std::string byte_body;
  size_t consumed = 0;
  ParseState state = at_once.Feed(text, consumed, body);
  ParseState byte_state = ParseState::kIncomplete;
  for (size_t i = 0; i < size && byte_state == ParseState::kIncomplete; ++i) {
    size_t used = 0;
    byte_state = by_byte.Feed(text.substr(i, 1), used, byte_body);
  }
  if (state != byte_state || (state == ParseState::kDone && body != byte_body)) abort();
  return 0;
}
