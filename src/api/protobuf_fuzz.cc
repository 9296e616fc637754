// Any bytes are refused or become JSON that the schema can judge.
#include "api/protobuf.h"

#include "api/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)api::OpenProtobuf(bytes);
  static const api::Type& pod = *api::FindType("io.k8s.api.core.v1.Pod");
  auto value = api::MessageToJson(pod, bytes);
  if (!value) return 0;
  auto canonical = api::Canonicalize(pod, *std::move(value), nullptr);
  if (!canonical) return 0;
  std::string out;
  api::AppendMessage(pod, *canonical, out);
  return 0;
}
