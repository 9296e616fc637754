// Field ownership: metadata.managedFields of every write, and server-side apply.
#pragma once

#include <string>
#include <string_view>

#include "api/kind.h"
#include "api/validation/causes.h"
#include "base/error.h"
#include "base/time.h"
#include "codec/json.h"

namespace sampan::api {

// Who writes, and through what.
struct FieldManager {
  std::string name;         // the fieldManager parameter, else ManagerFromUserAgent
  std::string subresource;  // "status", "scale"; empty for the object itself
  WallTime now;
};

// "kubectl/v1.27.3 (linux/amd64)" -> "kubectl"; "unknown" for an empty one. At most 128 bytes, whole printable characters.
std::string ManagerFromUserAgent(std::string_view user_agent);

// Faults a name that is longer than 128 bytes, has unprintable characters or is no UTF-8.
void ValidateFieldManager(std::string_view name, Causes& causes);

// Records a create: `object` (defaulted, about to be stored) gets one Update entry with all its fields.
// Anything the client sent in metadata.managedFields is replaced.
void TrackCreate(const KindInfo& kind, const FieldManager& manager, json::Value& object);

// Records an update or a patch from `before` to `after`: changed fields move to the manager's Update entry, entries that
// become empty vanish, the eleventh manager merges the oldest into "ancient-changes". An explicitly empty list
// (`managedFields: []` or `[{}]`) in `after` resets the tracking; otherwise a missing or malformed one is taken from
// `before`. When nothing but managedFields would change, `after` keeps `before`'s entries, so that a write without
// effect stays one.
void TrackUpdate(const KindInfo& kind, const FieldManager& manager, const json::Value& before, json::Value& after);

enum class ApplyForce : unsigned char { kNo, kYes };

// Server-side apply of `config` (as sent, not defaulted) onto `live`; for a new object `live` is null. The result still
// needs defaults, validation and resourceVersion, and carries the new managedFields.
// BadRequest when config carries managedFields; Conflict with one FieldManagerConflict cause a field when another
// manager owns a field that config changes and `force` is kNo.
Result<json::Value> Apply(const KindInfo& kind, const FieldManager& manager, ApplyForce force, const json::Value& live,
                          const json::Value& config);

}  // namespace sampan::api
