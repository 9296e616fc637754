// A whole HTTP/1.1 connection: pipelined requests, bodies, refusals.
#include "net/detail/session_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static sampan::net::detail::SessionFuzzer fuzzer(&sampan::net::detail::ServeHttp1);
  fuzzer.Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
