// What makes an object invalid: ObjectMeta's rules, the kind's own, and what an update may not change.
#pragma once

#include "api/kind.h"
#include "api/validation/causes.h"
#include "base/error.h"
#include "codec/json.h"

namespace sampan::api {

// All take objects that decoded by the schema (right types, unknown fields pruned) and were defaulted. They add to
// `causes` and never stop at the first fault. Thread-safe.

// A new object, metadata included.
void Validate(const KindInfo& kind, const json::Value& object, Causes& causes);
// An update: the new object's own rules and what may not change. `old` is the stored object. `subresource` is empty for
// the object itself, or names one that carries a part of the spec: "ephemeralcontainers", "resize".
void ValidateUpdate(const KindInfo& kind, const json::Value& object, const json::Value& old, Causes& causes,
                    std::string_view subresource = {});
// An update through the status subresource.
void ValidateStatusUpdate(const KindInfo& kind, const json::Value& object, const json::Value& old, Causes& causes);

// The same as a Result: Invalid with everything found.
Result<void> CheckValid(const KindInfo& kind, const json::Value& object);
Result<void> CheckUpdate(const KindInfo& kind, const json::Value& object, const json::Value& old);
Result<void> CheckStatusUpdate(const KindInfo& kind, const json::Value& object, const json::Value& old);

// Normalises what a client may leave out or may not set on an update before validation: takes uid, creationTimestamp,
// deletionTimestamp, deletionGracePeriodSeconds and generation from `old`. The caller checks resourceVersion and uid
// preconditions first.
void PrepareUpdateMeta(json::Value& object, const json::Value& old);

}  // namespace sampan::api
