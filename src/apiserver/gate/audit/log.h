// Where audit events go: lines of JSON, an event a line, in a file that is rotated, or on standard output.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "async/clock.h"
#include "async/executor.h"
#include "async/task.h"
#include "base/error.h"

namespace sampan::apiserver::audit {

// Thread-safe.
class Sink {
 public:
  virtual ~Sink() = default;
  // One event with its newline. Never blocks and never fails the request: what cannot be taken is counted.
  virtual void Write(std::string line) = 0;
  virtual uint64_t written() const { return 0; }  // lost ones too
  virtual uint64_t lost() const { return 0; }
  // Everything that was written is out.
  virtual Task<void> Close() = 0;
};

struct LogOptions {
  std::string path;           // "-": standard output
  int64_t max_size_mb = 100;  // a file that would grow beyond is rotated; 0: 100
  int64_t max_age_days = 0;   // rotated files that are older are removed; 0: none
  int64_t max_backups = 0;    // so many rotated files are kept; 0: all
};

// BadRequest, in one line, when the file cannot be written.
Result<void> CheckLog(const LogOptions& options);

// Appends from a thread of its own; up to ten thousand events wait for it. A full disk loses events, and says so in the log.
std::shared_ptr<Sink> NewLog(LogOptions options, Executor& background, Clock& clock);

}  // namespace sampan::apiserver::audit
