// The calls of os/file.h that walk directories. They work with descriptors relative to the parent, so that a rename or a
// planted symbolic link cannot lead them elsewhere.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "os/errno.h"
#include "os/fd.h"
#include "os/file.h"

namespace sampan::os {

namespace {

struct DirCloser {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, DirCloser>;

constexpr int kOpenDir = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Result<std::vector<std::string>> Names(Fd directory, const std::string& path) {
  Dir dir(::fdopendir(directory.get()));
  if (!dir) return Fail(LastError(path));
  directory.Release();
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return Fail(LastError(path));
  return names;
}

Result<void> RemoveAt(int parent, const std::string& name, const std::string& path, dev_t device) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return Fail(LastError(path));
  Fd directory(::openat(parent, name.c_str(), kOpenDir));
  if (!directory) return errno == ENOENT ? Result<void>() : Fail(LastError(path));
  struct stat raw;
  if (::fstat(directory.get(), &raw) != 0) return Fail(LastError(path));
  if (raw.st_dev != device) return Fail(ErrnoError(EBUSY, path));
  TRY(std::vector<std::string> names, Names(Fd(::dup(directory.get())), path));
  for (const std::string& child : names) TRY_VOID(RemoveAt(directory.get(), child, JoinPath(path, child), device));
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return Fail(LastError(path));
  return {};
}

Result<void> MeasureAt(int parent, const std::string& name, dev_t device, std::set<ino_t>& linked, TreeUsage& usage) {
  struct stat raw;
  // What vanishes while the walk runs is not counted.
  if (::fstatat(parent, name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) return {};
  if (raw.st_dev != device) return {};
  bool directory = S_ISDIR(raw.st_mode);
  if (!directory && raw.st_nlink > 1 && !linked.insert(raw.st_ino).second) return {};
  usage.bytes += static_cast<uint64_t>(raw.st_blocks) * 512;
  usage.inodes += 1;
  if (!directory) return {};
  Fd opened(::openat(parent, name.c_str(), kOpenDir));
  if (!opened) return {};
  TRY(std::vector<std::string> names, Names(Fd(::dup(opened.get())), name));
  for (const std::string& child : names) TRY_VOID(MeasureAt(opened.get(), child, device, linked, usage));
  return {};
}

}  // namespace

Result<std::vector<std::string>> ListDir(const std::string& path) {
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Fail(LastError(path));
  TRY(std::vector<std::string> names, Names(std::move(directory), path));
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> RemoveAll(const std::string& path) {
  std::string_view trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.remove_suffix(1);
  std::string parent_path(DirName(trimmed));
  Fd parent(::open(parent_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return errno == ENOENT ? Result<void>() : Fail(LastError(parent_path));
  struct stat raw;
  if (::fstat(parent.get(), &raw) != 0) return Fail(LastError(parent_path));
  return RemoveAt(parent.get(), std::string(BaseName(trimmed)), std::string(trimmed), raw.st_dev);
}

Result<TreeUsage> MeasureTree(const std::string& path) {
  struct stat raw;
  if (::lstat(path.c_str(), &raw) != 0) return Fail(LastError(path));
  TreeUsage usage;
  std::set<ino_t> linked;
  TRY_VOID(MeasureAt(AT_FDCWD, path, raw.st_dev, linked, usage));
  return usage;
}

}  // namespace sampan::os
