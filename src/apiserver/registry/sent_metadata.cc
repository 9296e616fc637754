#include "apiserver/registry/sent_metadata.h"

#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"

namespace sampan::apiserver {

Result<void> CheckSentNamespace(const Call& call, const json::Value& document) {
  std::string_view namespace_ = json::FindString(json::Find(document, "metadata", "namespace"));
  if (!call.resource->kind->namespaced() || namespace_.empty() || namespace_ == call.namespace_) return {};
  return Fail(Error::BadRequest("the namespace of the provided object does not match the namespace sent on the request"));
}

Result<void> CheckSentName(const Call& call, const json::Value& document) {
  std::string_view name = NameOf(document);
  if (name.empty()) {
    return Fail(
        Error::BadRequest("the name of the object ({} based on URL) was undeterminable: name must be provided", call.name));
  }
  if (name == call.name) return {};
  return Fail(Error::BadRequest("the name of the object ({}) does not match the name on the URL ({})", name, call.name));
}

Result<void> CheckSentUid(const Call& call, const json::Value& document, std::string_view uid) {
  std::string_view sent = json::FindString(json::Find(document, "metadata", "uid"));
  if (sent.empty() || sent == uid) return {};
  return Fail(ConflictError(call.kind(), call.name,
                            fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}", sent, uid)));
}

}  // namespace sampan::apiserver
