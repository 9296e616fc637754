// A body decodes or is refused; what comes out is a fixed point, becomes an object, a struct, and protobuf and back.
#include "api/decode.h"
#include "api/object.h"
#include "api/protobuf.h"
#include "api/types/core.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan;
  const api::KindInfo& kind = *api::FindKind("v1", "Pod");
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto value = api::DecodeBody(kind, text, {});
  if (!value) return 0;
  std::string canonical = json::Serialize(*value);
  auto again = api::DecodeBody(kind, canonical, {});
  CHECK(again.has_value());
  CHECK(json::Serialize(*again) == canonical);
  if (auto object = api::Object::FromBytes(canonical)) (*object)->As<api::core::Pod>();
  std::string wire = api::ToProtobuf(*kind.type, *value);
  auto body = api::OpenProtobuf(wire);
  CHECK(body.has_value());
  CHECK(api::FromProtobuf(*kind.type, *body).has_value());
  return 0;
}
