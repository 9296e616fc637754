// Keeps container logs from filling the disk: a log that outgrew its size is renamed and the runtime opens a new one.
#pragma once

#include <string>

#include "async/cancel.h"
#include "async/task.h"
#include "base/error.h"
#include "base/time.h"

namespace sampan::node {

class PodManager;
struct PodServices;

struct RotationPolicy {
  uint64_t max_bytes = 10 << 20;
  size_t max_files = 5;  // of each container, the one that is written among them
};

// Looks every 10 s until `stop`. On the pods' strand; what is borrowed outlives it.
Task<void> RotateLogs(PodServices* services, PodManager* pods, RotationPolicy policy, CancelToken stop);

// Renames `path` and removes the oldest rotated ones. False when the file is not that long. Blocks.
Result<bool> RotateFile(const std::string& path, const RotationPolicy& policy, WallTime now);

// Removes the log and what was rotated away from it. Fine when there is none. Blocks.
Result<void> RemoveLogs(const std::string& path);

}  // namespace sampan::node
