// The rules of a node's firewall are everybody's.
#include <cstdint>
#include <string>

#include "node/cni/host_port_rules.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)sampan::node::WithoutHostPortChains(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
