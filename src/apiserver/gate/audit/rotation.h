// A file that is renamed when it is full, with the time in its name: audit.log, audit-2026-01-02T03-04-05.000.log. Blocks.
#pragma once

#include <string>
#include <vector>

#include "apiserver/gate/audit/log.h"
#include "base/time.h"

namespace sampan::apiserver::audit {

// The name that a full file gets.
std::string RotatedName(const std::string& path, WallTime now);
// Which of the rotated files to remove, by their number and age. Pure; `names` are file names, in any order.
std::vector<std::string> Outdated(const LogOptions& options, std::vector<std::string> names, WallTime now);

// Used by one thread at a time.
class RotatingFile {
 public:
  explicit RotatingFile(LogOptions options) : options_(std::move(options)) {}
  ~RotatingFile();
  RotatingFile(const RotatingFile&) = delete;
  RotatingFile& operator=(const RotatingFile&) = delete;

  // Appends whole lines; opens and rotates as needed.
  Result<void> Append(std::string_view lines, WallTime now);

 private:
  Result<void> Open();
  Result<void> Rotate(WallTime now);

  const LogOptions options_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

}  // namespace sampan::apiserver::audit
