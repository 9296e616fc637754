// Mounts of this process's mount namespace. Every call blocks: coroutines go through BlockingPool.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace sampan::os {

struct MountInfo {
  int id = 0;
  int parent = 0;
  std::string root;         // the mounted directory within its file system
  std::string mount_point;  // unescaped
  std::string options;      // "rw,nosuid"
  std::string propagation;  // "shared:12", "" for private
  std::string fs_type;
  std::string source;
  std::string super_options;
};

// Those at `prefix` and below, in the order they were mounted; all for "".
Result<std::vector<MountInfo>> ListMounts(const std::string& prefix = {});
std::vector<MountInfo> ParseMountInfo(std::string_view mountinfo);
Result<bool> IsMountPoint(const std::string& path);

struct TmpfsOptions {
  uint64_t size_bytes = 0;  // 0: the kernel's default, half of the memory
  mode_t mode = 0777;
};
Result<void> MountTmpfs(const std::string& path, TmpfsOptions options = {});

enum class Access : unsigned char { kReadWrite, kReadOnly };
enum class Recursion : unsigned char { kThisMount, kTree };
// Shows `source` (a file or directory) at `target`, which exists and is of the same sort.
Result<void> BindMount(const std::string& source, const std::string& target, Access access = Access::kReadWrite,
                       Recursion recursion = Recursion::kTree);

Result<void> Mount(const std::string& source, const std::string& target, const std::string& fs_type, unsigned long flags,
                   const std::string& data = {});

// Makes mounts below `path` visible to other mount namespaces; `path` becomes a mount of itself when it is none.
Result<void> MakeShared(const std::string& path);

enum class UnmountMode : unsigned char { kNow, kLazy };  // kNow fails with EBUSY while it is used
// Fine when nothing is mounted there. kLazy detaches now and frees when the last user has gone.
Result<void> Unmount(const std::string& path, UnmountMode mode = UnmountMode::kLazy);
// All at and below `prefix`, the last mounted first.
Result<void> UnmountAll(const std::string& prefix, UnmountMode mode = UnmountMode::kLazy);

}  // namespace sampan::os
