// Containers write what they like into their logs; whoever reads them must not mind.
#include <cstdint>

#include "node/logs/log_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)sampan::node::ParseLogLine({reinterpret_cast<const char*>(data), size});
  return 0;
}
