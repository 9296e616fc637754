// The process log: one line an event, `time level component message key=value...`, to standard error or a file.
// Thread-safe. Secrets, tokens and keys are never passed in.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace sampan::log {

enum class Level : unsigned char { kDebug, kInfo, kWarn, kError };

void SetLevel(Level level);
Level CurrentLevel();
void Write(Level level, std::string_view component, std::string_view message);

template <class... Args>
void Log(Level level, std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (level >= CurrentLevel()) Write(level, component, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace sampan::log

// LOG_INFO("scheduler", "bound {} to {}", pod, node)
#define LOG_DEBUG(component, ...) ::sampan::log::Log(::sampan::log::Level::kDebug, component, __VA_ARGS__)
#define LOG_INFO(component, ...) ::sampan::log::Log(::sampan::log::Level::kInfo, component, __VA_ARGS__)
#define LOG_WARN(component, ...) ::sampan::log::Log(::sampan::log::Level::kWarn, component, __VA_ARGS__)
#define LOG_ERROR(component, ...) ::sampan::log::Log(::sampan::log::Level::kError, component, __VA_ARGS__)
