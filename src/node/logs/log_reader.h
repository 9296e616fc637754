// Reads a container's log as `kubectl logs` shows it: from the end, since a time, following what is appended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "os/fd.h"

namespace sampan::node {

struct LogOptions {
  bool timestamps = false;
  std::optional<int64_t> tail_lines;
  std::optional<int64_t> limit_bytes;
  std::optional<WallTime> since;
  std::string stream;  // "Stdout", "Stderr"; empty or "All": both
};

// Not thread-safe; every call blocks for a bounded time, whatever the file is or holds. Follows the file through rotation:
// after a rename it reads the rest of the old file, then the new one.
class LogReader {
 public:
  // NotFound when there is no such file yet; what is no regular file is refused.
  static Result<LogReader> Open(std::string path, LogOptions options);

  // The next text, up to about 64 KB. Reads 4 MB at the most, so that it may be empty before the end.
  Result<std::string> Next();
  // There was no more when Next was called last (call it again to follow).
  bool at_end() const { return at_end_; }
  // The byte limit has been reached.
  bool done() const { return options_.limit_bytes && *options_.limit_bytes <= 0; }

 private:
  LogReader(std::string path, LogOptions options) : path_(std::move(path)), options_(std::move(options)) {}
  Result<void> OpenFile();
  Result<void> SeekTail(int64_t lines);
  void Take(std::string_view data, std::string& out);  // what was read: whole lines go into `out`
  void Format(std::string_view line, std::string& out);
  Result<bool> SwitchFile();

  std::string path_;
  LogOptions options_;
  os::Fd file_;
  uint64_t inode_ = 0;
  std::string pending_;    // a line that is not complete yet
  bool skipping_ = false;  // within a line that is longer than any the runtime writes
  bool at_end_ = false;
  bool since_passed_ = false;
};

}  // namespace sampan::node
