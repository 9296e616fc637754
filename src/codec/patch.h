// The two patch formats that need no schema: JSON patch (RFC 6902) and JSON merge patch (RFC 7386).
// The strategic merge patch, which needs one, is api/merge/strategic.h.
#pragma once

#include "base/error.h"
#include "codec/json.h"

namespace sampan::json {

struct PatchLimits {
  size_t max_operations = 10'000;             // of one JSON patch
  size_t max_copied_bytes = 3 * 1024 * 1024;  // that all its `copy` operations together may add
};

// Applies the operations in order. BadRequest when `patch` is no list of well-formed operations (the document is then
// untouched); Invalid when an operation cannot be applied (absent path, failed test), the document being then in an
// unspecified state; RequestEntityTooLarge past a limit.
Result<void> ApplyJsonPatch(Value& document, const Value& patch, const PatchLimits& limits = {});

// Merges: objects member by member, null removes, everything else replaces. Cannot fail.
void ApplyMergePatch(Value& document, const Value& patch);

}  // namespace sampan::json
