// Any bytes. What parses must come back equal after Serialize.
#include "base/check.h"
#include "codec/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan;
  auto value = yaml::Parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!value) return 0;
  auto back = yaml::Parse(yaml::Serialize(*value));
  CHECK(back.has_value());
  CHECK(json::Equal(*value, *back));
  return 0;
}
