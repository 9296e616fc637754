// Control groups of version 1, version 2 and the hybrid of both (version 1 controllers beside an unused version 2 mount).
// A group is named by its path below the root, "/kubepods/burstable/pod-x", the same in every hierarchy.
// Every call blocks: coroutines go through BlockingPool. Thread-safe: no state but what Detect found.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sampan::os {

enum class CgroupMode : unsigned char { kV1, kHybrid, kV2 };
std::string_view CgroupModeName(CgroupMode mode);  // "v1", "hybrid", "v2"

// What is not set is left as it is.
struct CgroupLimits {
  std::optional<uint64_t> cpu_shares;               // as in version 1, 2..262144; converted to a weight for version 2
  std::optional<int64_t> cpu_quota_microseconds;    // per period; -1: none
  std::optional<uint64_t> cpu_period_microseconds;  // 100000 unless set
  std::optional<int64_t> memory_bytes;              // -1: none
  std::optional<int64_t> pids;                      // -1: none
  std::map<std::string, std::string> unified;       // version 2 files, written as they are
};

struct CgroupStats {
  uint64_t cpu_usage_nanoseconds = 0;
  uint64_t cpu_throttled_nanoseconds = 0;
  uint64_t memory_usage_bytes = 0;
  uint64_t memory_working_set_bytes = 0;  // usage without inactive file pages: what eviction and `kubectl top` count
  uint64_t memory_rss_bytes = 0;
  uint64_t memory_limit_bytes = 0;  // 0: none
  uint64_t page_faults = 0;
  uint64_t major_page_faults = 0;
  uint64_t pids = 0;
  uint64_t oom_kills = 0;
};

class Cgroups {
 public:
  // Looks at the mounts. NotFound when no hierarchy is mounted below `root`.
  static Result<Cgroups> Detect(const std::string& root = "/sys/fs/cgroup");

  CgroupMode mode() const { return mode_; }
  bool HasController(std::string_view controller) const;  // "cpu", "memory", "pids", ...

  // Makes the group and its parents in every hierarchy and sets its limits. Fine when it exists.
  Result<void> Create(const std::string& group, const CgroupLimits& limits = {}) const;
  Result<void> SetLimits(const std::string& group, const CgroupLimits& limits) const;
  bool Exists(const std::string& group) const;
  // The group and those below it; fine when absent. Conflict while processes are in it.
  Result<void> Remove(const std::string& group) const;

  enum class Depth : unsigned char { kThisGroup, kTree };
  // Process ids, each once; empty for an absent group.
  Result<std::vector<pid_t>> Procs(const std::string& group, Depth depth = Depth::kTree) const;
  Result<void> AddProc(const std::string& group, pid_t pid) const;
  // SIGKILL to every process in the tree.
  Result<void> Kill(const std::string& group) const;
  // Names of the groups directly below, sorted.
  Result<std::vector<std::string>> Children(const std::string& group) const;

  // NotFound for an absent group. Counters whose controller is missing are 0.
  Result<CgroupStats> Stats(const std::string& group) const;

  // The directory of a group in a controller's hierarchy; empty when there is no such controller.
  std::string Path(std::string_view controller, std::string_view group) const;
  // The group this process runs in, as the memory (or unified) hierarchy names it.
  Result<std::string> OwnGroup() const;

 private:
  Cgroups() = default;
  std::vector<std::string> Directories(std::string_view group) const;  // one for each hierarchy
  Result<void> EnableControllers(const std::string& group) const;      // version 2: for the children of every ancestor

  CgroupMode mode_ = CgroupMode::kV2;
  std::map<std::string, std::string, std::less<>> hierarchies_;  // version 1: controller -> mount point
  std::string unified_;                                          // version 2 mount point, empty when it is of no use
  std::vector<std::string> unified_controllers_;
  // Version 1: hierarchies without a controller of ours (name=systemd, an unused version 2). Runtimes make groups there
  // too, and Remove takes them away.
  std::vector<std::string> others_;
};

}  // namespace sampan::os
