// An OpenAPI v2 document as the protobuf message `openapi.v2.Document`, which older kubectl read. Internal to api/openapi.
#pragma once

#include <string>

#include "codec/json.h"

namespace sampan::api::openapi {

// Takes the documents that this folder makes: no more than they use is written.
std::string ToProtobuf(const json::Value& document);

}  // namespace sampan::api::openapi
