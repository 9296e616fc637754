// The two patch formats that need no schema: JSON patch (RFC 6902) and JSON merge patch (RFC 7386).
// The strategic merge patch, which needs one, is api/merge/strategic.h.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "codec/json.h"

namespace sampan::json {

struct PatchLimits {
  size_t max_operations = 10'000;             // of one JSON patch
  size_t max_copied_bytes = 3 * 1024 * 1024;  // that all its `copy` operations together may add
  size_t max_depth = 500;                     // of the document that comes out
};

// Applies the operations in order. BadRequest when `patch` is no list of well-formed operations (the document is then
// untouched); Invalid when an operation cannot be applied (absent path, failed test), the document being then in an
// unspecified state; RequestEntityTooLarge past a limit.
Result<void> ApplyJsonPatch(Value& document, const Value& patch, const PatchLimits& limits = {});

// Merges: objects member by member, null removes, everything else replaces. Cannot fail.
void ApplyMergePatch(Value& document, const Value& patch);

// Removes the members named in `keys`, absent ones ignored; the others keep their order. Linear in both sizes.
void EraseMembers(Object& object, std::span<const std::string_view> keys);

}  // namespace sampan::json
