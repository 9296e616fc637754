#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <string>

namespace sampan::log {
namespace {

std::atomic<Level> g_level{Level::kInfo};  // the one process-wide setting: a log line must cost nothing when it is off

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto created = std::make_shared<spdlog::logger>("sampan", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%Y-%m-%dT%H:%M:%S.%f%z %L %v");
    created->set_level(spdlog::level::trace);
    return created;
  }();
  return *logger;
}

}  // namespace

void SetLevel(Level level) {
  g_level = level;
}
Level CurrentLevel() {
  return g_level.load(std::memory_order_relaxed);
}

void Write(Level level, std::string_view component, std::string_view message) {
  // A line break inside a message would let one event pass for two, and other control characters rewrite a reader's
  // terminal.
  std::string line;
  line.reserve(component.size() + message.size() + 1);
  line.append(component).append(1, ' ');
  for (char c : message) {
    if (c == '\n') {
      line.append("\\n");
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", c);
    } else {
      line.push_back(c);
    }
  }
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                          spdlog::level::err};
  Logger().log(kLevels[static_cast<size_t>(level)], spdlog::string_view_t(line));
}

}  // namespace sampan::log
