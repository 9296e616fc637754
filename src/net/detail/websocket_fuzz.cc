// WebSocket frames, read as a server and as a client reads them.
#include <cstdlib>

#include "net/detail/websocket_frame.h"

using namespace sampan::net;
using namespace sampan::net::detail;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLimit = 64 * 1024;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (WsSide side : {WsSide::kServer, WsSide::kClient}) {
    WsReader reader(side, kLimit);
    WsReader::Event event;
    size_t step = size == 0 ? 1 : 1 + data[0];
    for (size_t at = 1; at < size; at += step) {
      reader.Feed(text.substr(at, step));
      ParseState state = reader.Next(event);
      while (state == ParseState::kDone) {
        if (event.payload.size() > kLimit) abort();
        state = reader.Next(event);
      }
      if (state == ParseState::kBad) break;
    }
  }
  return 0;
}
