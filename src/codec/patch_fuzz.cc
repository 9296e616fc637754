// Two JSON texts separated by a NUL: a document and a patch of any of the two kinds. Nothing may crash or run away.
#include "codec/patch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t middle = text.find('\0');
  if (middle == std::string_view::npos) return 0;
  auto document = json::Parse(text.substr(0, middle));
  auto patch = json::Parse(text.substr(middle + 1));
  if (!document || !patch) return 0;
  json::Value merged = *document;
  json::ApplyMergePatch(merged, *patch);
  (void)json::Serialize(merged);
  if (json::ApplyJsonPatch(*document, *patch)) (void)json::Serialize(*document);
  return 0;
}
