// Request bodies: from bytes in one of three encodings to a decoded document.
#pragma once

#include "api/decode.h"
#include "apiserver/http/exchange.h"

namespace sampan::apiserver {

// fieldValidation, dryRun (true for "All") and fieldManager (or what the user agent stands for). Invalid for other values,
// worded for the options of the request's verb: "CreateOptions.meta.k8s.io \"\" is invalid: ...".
Result<api::Strictness> StrictnessOf(const Exchange& exchange);
Result<bool> DryRunOf(const Exchange& exchange);
// The same of the dryRun of DeleteOptions in a body.
Result<bool> DryRunIn(const Exchange& exchange, const json::Array& wishes);
Result<std::string> FieldManagerOf(const Exchange& exchange);

// The body as an object of `kind`.
Result<json::Value> ReadObject(const Exchange& exchange, const api::KindInfo& kind, std::vector<std::string>& warnings);
// The body as an object of the kind that the path names, in its stored form.
Result<json::Value> ReadStored(const Exchange& exchange, std::vector<std::string>& warnings);
// The body as any document (patches, delete options). An empty body is null.
Result<json::Value> ReadValue(const Exchange& exchange, std::vector<std::string>* duplicates);

}  // namespace sampan::apiserver
