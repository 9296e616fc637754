// Files and directories. Every call blocks: coroutines go through BlockingPool. Errors are those of os/errno.h, with the
// path in the message.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sampan::os {

enum class FileType : unsigned char { kRegular, kDirectory, kSymlink, kSocket, kBlockDevice, kCharDevice, kFifo };

struct FileStat {
  FileType type = FileType::kRegular;
  mode_t mode = 0;  // permission bits only
  uint64_t size = 0;
  uint64_t inode = 0;
  uint64_t device = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t modified_seconds = 0;
};

// The most that is read of files of the kernel (/proc, /sys, control groups) and of files that people write.
inline constexpr size_t kKernelFileLimit = 32 << 20;
inline constexpr size_t kConfigFileLimit = 4 << 20;

enum class Links : unsigned char { kFollow, kRefuse };
// The whole content, of at most `max_bytes` whatever size the file says it has: a longer one is refused
// (RequestEntityTooLarge), and so is what is no regular file - a pipe or a device in its place is not waited for.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes, Links links = Links::kFollow);
// The same of a file that somebody else can replace or write: the last `max_bytes` of a longer one.
Result<std::string> ReadFileTail(const std::string& path, size_t max_bytes);

// Opens, truncates and writes in one write: what sysctls and cgroup files want. Does not create.
Result<void> WriteExisting(const std::string& path, std::string_view data);

enum class Sync : unsigned char { kNo, kYes };

struct WriteOptions {
  mode_t mode = 0644;      // whatever the umask is
  Sync sync = Sync::kYes;  // on disk, name included, when the call returns
};
// Replaces the file as one step (temporary file beside it, rename): a reader sees the old content or the new.
Result<void> WriteFileAtomic(const std::string& path, std::string_view data, WriteOptions options = {});

// Appends, creating the file when absent.
Result<void> AppendFile(const std::string& path, std::string_view data, mode_t mode = 0644);

// The directory and its missing parents; those it makes get `mode` whatever the umask is. Fine when it exists.
Result<void> MakeDirs(const std::string& path, mode_t mode = 0755);

// The file or whole tree, however deep or wide it is: memory and descriptors do not grow with it. Does not follow links and
// does not cross into other file systems (Conflict on a mount point instead of emptying it). Fine when absent.
Result<void> RemoveAll(const std::string& path);
Result<void> RemoveFile(const std::string& path);  // fine when absent
Result<void> Rename(const std::string& from, const std::string& to);

// Points the link at `target` as one step, whether or not it exists.
Result<void> SwapSymlink(const std::string& link, const std::string& target);
Result<std::string> ReadSymlink(const std::string& link);

Result<FileStat> Stat(const std::string& path);   // follows links
Result<FileStat> LStat(const std::string& path);  // does not
bool Exists(const std::string& path);             // anything, also a broken link

// Names without "." and "..", sorted; a directory of more than a million is refused.
Result<std::vector<std::string>> ListDir(const std::string& path);

Result<void> Chmod(const std::string& path, mode_t mode);
// -1 leaves that id as it is. Links are changed, not followed.
Result<void> Chown(const std::string& path, int64_t uid, int64_t gid);

// Space of the file system that holds `path`, in bytes and inodes.
struct FsUsage {
  uint64_t capacity_bytes = 0;
  uint64_t available_bytes = 0;  // to unprivileged users
  uint64_t used_bytes = 0;
  uint64_t inodes = 0;
  uint64_t inodes_free = 0;
};
Result<FsUsage> StatFs(const std::string& path);

std::string JoinPath(std::string_view directory, std::string_view name);  // one slash between
std::string_view BaseName(std::string_view path);
std::string_view DirName(std::string_view path);  // "." when there is no slash

}  // namespace sampan::os
