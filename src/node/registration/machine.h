// What this machine is: read once at start, the changing part every time the node's status is written.
#pragma once

#include <cstdint>
#include <string>

#include "async/pool.h"
#include "async/task.h"
#include "base/error.h"

namespace sampan::node {

struct Machine {
  std::string hostname, kernel, os_image, architecture;  // architecture as in "amd64"
  std::string machine_id, boot_id, system_uuid;
  int64_t milli_cpu = 0;
  int64_t memory_bytes = 0;
  int64_t disk_bytes = 0;     // of the file system that holds the agent's data
  int64_t max_processes = 0;  // and threads, at a time
};
Result<Machine> ReadMachine(const std::string& data_dir);  // blocks

// Processes and threads that one pod may have: `wanted`, -1 for no limit (0 is returned), or with 0 an eighth of the
// machine's but not more than 16,384, so that a pod that forks without end is its own trouble only. Pure.
int64_t MaxPidsOf(int64_t wanted, int64_t max_processes);

struct MachineUsage {
  int64_t memory_available_bytes = 0;
  int64_t disk_available_bytes = 0;
  int64_t disk_bytes = 0;
  int64_t inodes_free = 0, inodes = 0;
  int64_t processes = 0, max_processes = 0;
};
Result<MachineUsage> ReadMachineUsage(const std::string& data_dir);  // blocks
// The same, read by `blocking`.
Task<Result<MachineUsage>> FetchMachineUsage(BlockingPool* blocking, std::string data_dir);

}  // namespace sampan::node
