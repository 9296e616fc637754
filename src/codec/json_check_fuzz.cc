// Any bytes: whatever the check takes also parses, and the other way round for bodies.
#include "base/check.h"
#include "codec/json.h"
#include "codec/json_check.h"
#include "codec/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan;
  constexpr size_t kDepth = 100;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool sound = json::CheckText(text, kDepth).has_value();
  auto value = json::Parse(text, {.max_depth = kDepth});
  CHECK(!sound || value.has_value());
  if (value) CHECK(json::CheckText(json::Serialize(*value), kDepth).has_value());
  CHECK(utf8::IsValid(utf8::Repaired(text)));
  CHECK(!utf8::IsValid(text) || utf8::Repaired(text) == text);
  return 0;
}
