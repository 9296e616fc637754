// Whether text is JSON that can be read back: what stands before the store and behind it.
#pragma once

#include <string_view>

#include "base/error.h"

namespace sampan::json {

// One pass without building anything and without recursion, several times faster than Parse, which accepts whatever passes
// here with the same depth. BadRequest with the offset of the fault: malformed text, bytes that are no UTF-8, half
// surrogates, numbers out of range, nesting deeper than `max_depth`.
Result<void> CheckText(std::string_view text, size_t max_depth);

}  // namespace sampan::json
