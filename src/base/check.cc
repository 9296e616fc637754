#include "base/check.h"

#include <execinfo.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace sampan {

void CheckFailed(std::string_view expression, std::source_location where) {
  std::fprintf(stderr, "CHECK failed: %.*s at %s:%u (%s)\n", static_cast<int>(expression.size()), expression.data(),
               where.file_name(), where.line(), where.function_name());
  std::array<void*, 64> frames{};
  backtrace_symbols_fd(frames.data(), backtrace(frames.data(), frames.size()), 2);
  std::abort();
}

}  // namespace sampan
