// CHECK(condition) dies with the place and a backtrace when an invariant is broken. It stays on in release builds.
#pragma once

#include <source_location>
#include <string_view>

namespace sampan {
[[noreturn]] void CheckFailed(std::string_view expression, std::source_location where = std::source_location::current());
}  // namespace sampan

#define CHECK(...) (static_cast<bool>(__VA_ARGS__) ? void(0) : ::sampan::CheckFailed(#__VA_ARGS__))
