// The two changes that server-side apply makes to an object. Internal to api/apply.
#pragma once

#include "api/apply/field_set.h"
#include "api/schema.h"
#include "codec/json.h"

namespace sampan::api {

// Lays `config` over `live` as the schema says: maps and keyed lists merge, everything else is replaced. Elements of
// config come in config's order; the others stay behind the neighbour they had.
void MergeConfig(const Type& type, json::Value& live, const json::Value& config);

// Removes from `object` what is in `dropped` and in nobody's `managed` set.
void PruneFields(const Type& type, json::Value& object, const FieldSet& dropped, const FieldSet& managed);

}  // namespace sampan::api
