// Request bodies: from bytes in one of three encodings to a decoded document.
#pragma once

#include "api/decode.h"
#include "apiserver/http/exchange.h"

namespace sampan::apiserver {

// fieldValidation; Invalid-worded BadRequest for an unknown value.
Result<api::Strictness> StrictnessOf(const Query& query);
// dryRun; true for "All".
Result<bool> DryRunOf(const Query& query);
// fieldManager, or what the user agent stands for.
Result<std::string> FieldManagerOf(const Exchange& exchange);

// The body as an object of `kind`.
Result<json::Value> ReadObject(const Exchange& exchange, const api::KindInfo& kind, std::vector<std::string>& warnings);
// The body as any document (patches, delete options). An empty body is null.
Result<json::Value> ReadValue(const Exchange& exchange, std::vector<std::string>* duplicates);

}  // namespace sampan::apiserver
