#include "os/mount.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "os/errno.h"
#include "os/file.h"

namespace sampan::os {

namespace {

// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string Unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    bool octal = text[i] == '\\' && i + 3 < text.size() &&
                 std::from_chars(text.data() + i + 1, text.data() + i + 4, value, 8).ptr == text.data() + i + 4;
    if (!octal) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(value));
    i += 3;
  }
  return out;
}

std::string_view NextField(std::string_view& line) {
  size_t space = line.find(' ');
  std::string_view field = line.substr(0, space);
  line.remove_prefix(space == line.npos ? line.size() : space + 1);
  return field;
}

int ToInt(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
std::optional<MountInfo> ParseLine(std::string_view line) {
  MountInfo mount;
  mount.id = ToInt(NextField(line));
  mount.parent = ToInt(NextField(line));
  NextField(line);
  mount.root = Unescape(NextField(line));
  mount.mount_point = Unescape(NextField(line));
  mount.options = NextField(line);
  while (!line.empty()) {
    std::string_view optional = NextField(line);
    if (optional == "-") break;
    if (!mount.propagation.empty()) mount.propagation += ' ';
    mount.propagation += optional;
  }
  mount.fs_type = NextField(line);
  mount.source = Unescape(NextField(line));
  mount.super_options = line;
  if (mount.fs_type.empty()) return std::nullopt;
  return mount;
}

bool IsAtOrBelow(std::string_view path, std::string_view prefix) {
  while (!prefix.empty() && prefix.back() == '/') prefix.remove_suffix(1);
  if (!path.starts_with(prefix)) return false;
  return path.size() == prefix.size() || path[prefix.size()] == '/';
}

// As the kernel writes mount points: absolute, without links and doubled slashes. What does not exist stays as it is.
std::string Canonical(const std::string& path) {
  std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr), &::free);
  return resolved ? std::string(resolved.get()) : path;
}

}  // namespace

std::vector<MountInfo> ParseMountInfo(std::string_view text) {
  std::vector<MountInfo> mounts;
  while (!text.empty()) {
    size_t newline = text.find('\n');
    std::optional<MountInfo> mount = ParseLine(text.substr(0, newline));
    if (mount) mounts.push_back(*std::move(mount));
    text.remove_prefix(newline == text.npos ? text.size() : newline + 1);
  }
  return mounts;
}

Result<std::vector<MountInfo>> ListMounts(const std::string& prefix) {
  TRY(std::string text, ReadFile("/proc/self/mountinfo", kKernelFileLimit));
  std::vector<MountInfo> mounts = ParseMountInfo(text);
  std::string canonical = Canonical(prefix);
  std::erase_if(mounts, [&](const MountInfo& mount) { return !IsAtOrBelow(mount.mount_point, canonical); });
  return mounts;
}

Result<bool> IsMountPoint(const std::string& path) {
  std::string canonical = Canonical(path);
  TRY(std::vector<MountInfo> mounts, ListMounts(canonical));
  return std::any_of(mounts.begin(), mounts.end(), [&](const MountInfo& m) { return m.mount_point == canonical; });
}

Result<void> Mount(const std::string& source, const std::string& target, const std::string& fs_type, unsigned long flags,
                   const std::string& data) {
  const char* type = fs_type.empty() ? nullptr : fs_type.c_str();
  const char* options = data.empty() ? nullptr : data.c_str();
  if (::mount(source.c_str(), target.c_str(), type, flags, options) != 0) {
    return Fail(LastError(fmt::format("mount {} on {}", source, target)));
  }
  return {};
}

Result<void> MountTmpfs(const std::string& path, TmpfsOptions options) {
  std::string data = fmt::format("mode={:o}", options.mode);
  if (options.size_bytes > 0) data += fmt::format(",size={}", options.size_bytes);
  return Mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, data);
}

Result<void> BindMount(const std::string& source, const std::string& target, Access access, Recursion recursion) {
  unsigned long tree = recursion == Recursion::kTree ? MS_REC : 0;
  TRY_VOID(Mount(source, target, {}, MS_BIND | tree));
  if (access == Access::kReadWrite) return {};
  // A bind mount takes its flags from a second call only.
  Result<void> readonly = Mount("none", target, {}, MS_REMOUNT | MS_BIND | MS_RDONLY);
  if (!readonly) (void)Unmount(target, UnmountMode::kLazy);
  return readonly;
}

Result<void> MakeShared(const std::string& path) {
  TRY(bool mounted, IsMountPoint(path));
  if (!mounted) TRY_VOID(BindMount(path, path));
  return Mount("none", path, {}, MS_SHARED | MS_REC);
}

Result<void> Unmount(const std::string& path, UnmountMode mode) {
  int flags = UMOUNT_NOFOLLOW | (mode == UnmountMode::kLazy ? MNT_DETACH : 0);
  if (::umount2(path.c_str(), flags) == 0) return {};
  // EINVAL: no mount point.
  if (errno == EINVAL || errno == ENOENT) return {};
  return Fail(LastError(fmt::format("unmount {}", path)));
}

Result<void> UnmountAll(const std::string& prefix, UnmountMode mode) {
  TRY(std::vector<MountInfo> mounts, ListMounts(prefix));
  std::optional<Error> first;
  for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
    Result<void> unmounted = Unmount(mount->mount_point, mode);
    if (!unmounted && !first) first = unmounted.error();
  }
  if (first) return Fail(*std::move(first));
  return {};
}

}  // namespace sampan::os
