// Container logs as the runtime writes them: one line an event, `TIME stream F|P text`, P for a part of a longer line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace sampan::node {

struct LogLine {
  std::string_view time;    // RFC 3339 with nanoseconds
  std::string_view stream;  // "stdout", "stderr"
  bool partial = false;
  std::string_view text;  // without the line's end
};
// Nothing for what is no such line. `line` is without its end and outlives the result.
std::optional<LogLine> ParseLogLine(std::string_view line);

// The end of the log's text: at most `lines` lines and `bytes` bytes. Blocks.
std::string LogTail(const std::string& path, size_t lines, size_t bytes);

}  // namespace sampan::node
