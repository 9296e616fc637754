// What the metadata of a document may say of the place that its request names.
#pragma once

#include "apiserver/registry/registry.h"

namespace sampan::apiserver {

// BadRequest when the document names another namespace than the request.
Result<void> CheckSentNamespace(const Call& call, const json::Value& document);
// BadRequest when it names another object, or none.
Result<void> CheckSentName(const Call& call, const json::Value& document);
// Conflict when it names another instance than `uid` (empty: none is there).
Result<void> CheckSentUid(const Call& call, const json::Value& document, std::string_view uid);

}  // namespace sampan::apiserver
