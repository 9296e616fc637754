// Anything parses or is refused; what parses serialises to text that parses to an equal value, and the cursor agrees.
#include "base/check.h"
#include "codec/json.h"
#include "codec/json_cursor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> duplicates;
  sampan::json::ParseOptions options;
  options.duplicates = &duplicates;
  auto value = sampan::json::Parse(text, options);
  sampan::json::Cursor(text).Skip();
  if (!value) return 0;
  std::string out = sampan::json::Serialize(*value);
  auto again = sampan::json::Parse(out);
  CHECK(again.has_value());
  CHECK(sampan::json::Serialize(*again) == out);
  CHECK(sampan::json::Cursor(out).Skip().size() == out.size());
  return 0;
}
