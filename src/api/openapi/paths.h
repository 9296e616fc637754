// The REST paths of a kind as OpenAPI path items. Internal to api/openapi.
#pragma once

#include "api/kind.h"
#include "api/openapi/schemas.h"
#include "codec/json.h"

namespace sampan::api::openapi {

// Adds the paths of `kind` and its subresources to `paths`, and what they refer to, to `schemas`.
void AddPaths(const KindInfo& kind, Schemas& schemas, json::Object& paths);

}  // namespace sampan::api::openapi
