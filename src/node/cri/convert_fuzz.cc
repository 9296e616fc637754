// What a runtime answers carries what images and containers say.
#include <cstdint>
#include <cstdlib>

#include "codec/utf8.h"
#include "node/cri/convert.h"

namespace {

template <class Message>
auto Converted(const uint8_t* data, size_t size) {
  Message message;
  (void)message.ParseFromArray(data, static_cast<int>(size));
  return sampan::cri::FromProto(message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace pb = runtime::v1;
  (void)Converted<pb::PodSandbox>(data, size);
  (void)Converted<pb::PodSandboxStatus>(data, size);
  (void)Converted<pb::Container>(data, size);
  (void)Converted<pb::Image>(data, size);
  (void)Converted<pb::ContainerStats>(data, size);
  const sampan::cri::Container container = Converted<pb::ContainerStatus>(data, size);
  if (!sampan::utf8::IsValid(container.message) || container.message.size() > 4096) std::abort();
  return 0;
}
