// SPDY frames, compressed headers included.
#include "net/detail/spdy_frame.h"

using namespace sampan::net::detail;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  SpdyReader reader(64 * 1024, 16 * 1024);
  SpdyFrame frame;
  // The first byte says in which pieces the rest arrives.
  size_t step = size == 0 ? 1 : 1 + data[0];
  for (size_t at = 1; at < size; at += step) {
    reader.Feed(text.substr(at, step));
    ParseState state = reader.Next(frame);
    while (state == ParseState::kDone) state = reader.Next(frame);
    if (state == ParseState::kBad) break;
  }
  return 0;
}
