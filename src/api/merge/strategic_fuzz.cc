// Two JSON texts separated by a NUL: a pod, and a strategic merge patch or an apply configuration for it.
#include "api/apply/managed_fields.h"
#include "api/kind.h"
#include "api/merge/strategic.h"
#include "api/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t middle = text.find('\0');
  if (middle == std::string_view::npos) return 0;
  auto document = json::Parse(text.substr(0, middle));
  auto patch = json::Parse(text.substr(middle + 1));
  if (!document || !patch) return 0;
  const api::KindInfo& kind = *api::FindKind("v1", "Pod");
  (void)api::Apply(kind, {.name = "fuzz", .subresource = {}, .now = {}}, api::ApplyForce::kYes, *document, *patch);
  json::Value updated = *patch;
  api::TrackUpdate(kind, {.name = "fuzz", .subresource = {}, .now = {}}, *document, updated);
  if (api::ApplyStrategicMergePatch(*kind.type, *document, *patch)) (void)json::Serialize(*document);
  return 0;
}
