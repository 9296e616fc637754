// A whole HTTP/2 connection behind its preface: frames in any order, header blocks, windows, bodies.
#include "net/detail/session_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static sampan::net::detail::SessionFuzzer fuzzer(&sampan::net::detail::ServeHttp2);
  std::string bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  bytes.append(reinterpret_cast<const char*>(data), size);
  fuzzer.Run(bytes);
  return 0;
}
