// DeleteOptions as they are sent: what is not understood refuses the deletion. Pure.
#pragma once

#include "apiserver/gate/operation.h"
#include "codec/json.h"

namespace sampan::apiserver {

// A document of a request's body or an Eviction. BadRequest for other kinds and types and for members that nobody knows,
// Invalid for values that mean nothing.
Result<DeleteOperation> DecodeDeleteOptions(json::Value options);

// The options as a document again, for those who are told of a deletion.
json::Value DeleteOptionsOf(const DeleteOperation& operation);

}  // namespace sampan::apiserver
