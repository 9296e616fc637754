// A node's resolv.conf is written by whatever configures its network.
#include <cstdint>
#include <string_view>

#include "node/pods/dns.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)sampan::node::ParseResolvConf({reinterpret_cast<const char*>(data), size});
  return 0;
}
