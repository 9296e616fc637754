// Request bodies: from bytes in one of three encodings to a decoded document.
#pragma once

#include "api/decode.h"
#include "apiserver/http/exchange.h"

namespace sampan::apiserver {

// The options that a query gives; Invalid as of the options of the request's verb: "CreateOptions.meta.k8s.io \"\" is
// invalid: ...".
Error BadOptions(const Exchange& exchange, api::Causes causes);
// fieldValidation of the query.
Result<api::Strictness> StrictnessOf(const Exchange& exchange);

// The body as an object of the kind that the route wants, in its stored form.
Result<json::Value> ReadObject(const Exchange& exchange);
// The body as any document (patches, delete options). An empty body is null.
Result<json::Value> ReadValue(const Exchange& exchange, std::vector<std::string>* duplicates);

}  // namespace sampan::apiserver
