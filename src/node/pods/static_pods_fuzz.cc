// Manifests of static pods are files that anybody with access to the node's disk may have put there.
#include <cstdint>
#include <string_view>

#include "node/pods/static_pods.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)sampan::node::StaticPodOf({reinterpret_cast<const char*>(data), size}, "node-a");
  return 0;
}
