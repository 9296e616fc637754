#include "os/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "os/errno.h"
#include "os/fd.h"

namespace sampan::os {

namespace {

Result<void> WriteAll(int fd, std::string_view data, const std::string& path) {
  while (!data.empty()) {
    ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(LastError(path));
    data.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<void> SyncDirectory(const std::string& path) {
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Fail(LastError(path));
  if (::fsync(directory.get()) != 0 && errno != EINVAL) return Fail(LastError(path));
  return {};
}

// A name beside `path` that nobody else uses. Random, not counted: process ids begin anew in a container that is started
// again, and would find what their predecessor has left.
std::string TemporaryName(const std::string& path) {
  std::array<uint64_t, 2> random{};
  CHECK(::getentropy(random.data(), sizeof random) == 0);
  return fmt::format("{}.{:016x}{:016x}.tmp", path, random[0], random[1]);
}

FileType TypeOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileType::kDirectory;
    case S_IFLNK:
      return FileType::kSymlink;
    case S_IFSOCK:
      return FileType::kSocket;
    case S_IFBLK:
      return FileType::kBlockDevice;
    case S_IFCHR:
      return FileType::kCharDevice;
    case S_IFIFO:
      return FileType::kFifo;
    default:
      return FileType::kRegular;
  }
}

Result<FileStat> StatAt(const std::string& path, int flags) {
  struct stat raw;
  if (::fstatat(AT_FDCWD, path.c_str(), &raw, flags) != 0) return Fail(LastError(path));
  return FileStat{.type = TypeOf(raw.st_mode),
                  .mode = raw.st_mode & 07777,
                  .size = static_cast<uint64_t>(raw.st_size),
                  .inode = raw.st_ino,
                  .device = raw.st_dev,
                  .uid = raw.st_uid,
                  .gid = raw.st_gid,
                  .modified_seconds = raw.st_mtim.tv_sec};
}

}  // namespace

namespace {

struct Opened {
  Fd file;
  uint64_t size = 0;
};

// O_NONBLOCK: opening a pipe that nobody writes would wait for ever.
Result<Opened> OpenRegular(const std::string& path, Links links) {
  int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (links == Links::kRefuse ? O_NOFOLLOW : 0);
  Opened opened{Fd(::open(path.c_str(), flags))};
  if (!opened.file) return Fail(LastError(path));
  struct stat raw;
  if (::fstat(opened.file.get(), &raw) != 0) return Fail(LastError(path));
  if (S_ISDIR(raw.st_mode)) return Fail(ErrnoError(EISDIR, path));
  if (!S_ISREG(raw.st_mode)) return Fail(Error::BadRequest("{}: not a regular file", path));
  opened.size = static_cast<uint64_t>(raw.st_size);
  return opened;
}

// Up to `max_bytes` from the file's position on. The size that a file states is no more than a hint: sparse ones state
// what they do not have, those of the kernel state nothing, and others change while they are read.
Result<std::string> ReadUpTo(const Opened& opened, size_t max_bytes, const std::string& path) {
  constexpr size_t kFirst = 4096, kStep = 1 << 20;
  std::string text;
  size_t used = 0;
  while (used < max_bytes) {
    if (used == text.size()) {
      // One byte more than the size, so that the end is seen without growing the buffer.
      size_t hint = used == 0 && opened.size > 0 ? std::min<uint64_t>(opened.size + 1, kStep) : std::max(used * 2, kFirst);
      text.resize(std::min(hint, max_bytes));
    }
    ssize_t got = ::read(opened.file.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(LastError(path));
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  text.resize(used);
  return text;
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, size_t max_bytes, Links links) {
  TRY(Opened opened, OpenRegular(path, links));
  TRY(std::string text, ReadUpTo(opened, max_bytes + 1, path));
  if (text.size() <= max_bytes) return text;
  return Fail(Error(Reason::kRequestEntityTooLarge, fmt::format("{}: longer than {} bytes", path, max_bytes)));
}

Result<std::string> ReadFileTail(const std::string& path, size_t max_bytes) {
  TRY(Opened opened, OpenRegular(path, Links::kRefuse));
  if (opened.size > max_bytes && ::lseek(opened.file.get(), -static_cast<off_t>(max_bytes), SEEK_END) < 0) {
    return Fail(LastError(path));
  }
  return ReadUpTo(opened, max_bytes, path);
}

Result<void> WriteExisting(const std::string& path, std::string_view data) {
  Fd file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!file) return Fail(LastError(path));
  ssize_t written;
  do {
    written = ::write(file.get(), data.data(), data.size());
  } while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(data.size())) return Fail(LastError(path));
  return {};
}

Result<void> WriteFileAtomic(const std::string& path, std::string_view data, WriteOptions options) {
  std::string temporary = TemporaryName(path);
  Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return Fail(LastError(temporary));
  auto write = [&]() -> Result<void> {
    TRY_VOID(WriteAll(file.get(), data, temporary));
    if (::fchmod(file.get(), options.mode) != 0) return Fail(LastError(temporary));
    if (options.sync == Sync::kYes && ::fsync(file.get()) != 0) return Fail(LastError(temporary));
    if (::rename(temporary.c_str(), path.c_str()) != 0) return Fail(LastError(path));
    return {};
  };
  Result<void> written = write();
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (options.sync == Sync::kYes) return SyncDirectory(std::string(DirName(path)));
  return {};
}

Result<void> AppendFile(const std::string& path, std::string_view data, mode_t mode) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode));
  if (!file) return Fail(LastError(path));
  return WriteAll(file.get(), data, path);
}

namespace {

// False when the parent is missing.
Result<bool> MakeDir(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) {
    if (::chmod(path.c_str(), mode) != 0) return Fail(LastError(path));
    return true;
  }
  if (errno == ENOENT) return false;
  if (errno != EEXIST) return Fail(LastError(path));
  TRY(FileStat stat, Stat(path));
  if (stat.type != FileType::kDirectory) return Fail(ErrnoError(ENOTDIR, path));
  return true;
}

}  // namespace

Result<void> MakeDirs(const std::string& path, mode_t mode) {
  if (path.empty()) return {};
  // Up to the first one that can be made, then down again.
  std::vector<std::string> missing{path};
  while (true) {
    TRY(bool made, MakeDir(missing.back(), mode));
    if (made) break;
    std::string parent(DirName(missing.back()));
    // Some file systems (proc) have no room for a directory although its parent is there.
    if (parent == missing.back()) return Fail(ErrnoError(ENOENT, path));
    missing.push_back(std::move(parent));
  }
  for (missing.pop_back(); !missing.empty(); missing.pop_back()) {
    TRY(bool made, MakeDir(missing.back(), mode));
    if (!made) return Fail(ErrnoError(ENOENT, missing.back()));
  }
  return {};
}

Result<void> RemoveFile(const std::string& path) {
  // Where no such name can be there is no such file.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENAMETOOLONG) return Fail(LastError(path));
  return {};
}

Result<void> Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return Fail(LastError(fmt::format("{} -> {}", from, to)));
  return {};
}

Result<void> SwapSymlink(const std::string& link, const std::string& target) {
  std::string temporary = TemporaryName(link);
  if (::symlink(target.c_str(), temporary.c_str()) != 0) return Fail(LastError(temporary));
  if (::rename(temporary.c_str(), link.c_str()) != 0) {
    Error error = LastError(link);
    ::unlink(temporary.c_str());
    return Fail(std::move(error));
  }
  return {};
}

Result<std::string> ReadSymlink(const std::string& link) {
  std::string target(4096, '\0');
  ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  if (length < 0) return Fail(LastError(link));
  target.resize(static_cast<size_t>(length));
  return target;
}

Result<FileStat> Stat(const std::string& path) {
  return StatAt(path, 0);
}

Result<FileStat> LStat(const std::string& path) {
  return StatAt(path, AT_SYMLINK_NOFOLLOW);
}

bool Exists(const std::string& path) {
  struct stat raw;
  return ::lstat(path.c_str(), &raw) == 0;
}

Result<void> Chmod(const std::string& path, mode_t mode) {
  if (::chmod(path.c_str(), mode) != 0) return Fail(LastError(path));
  return {};
}

Result<void> Chown(const std::string& path, int64_t uid, int64_t gid) {
  if (::lchown(path.c_str(), static_cast<uid_t>(uid), static_cast<gid_t>(gid)) != 0) return Fail(LastError(path));
  return {};
}

Result<FsUsage> StatFs(const std::string& path) {
  struct statvfs raw;
  if (::statvfs(path.c_str(), &raw) != 0) return Fail(LastError(path));
  return FsUsage{.capacity_bytes = raw.f_blocks * raw.f_frsize,
                 .available_bytes = raw.f_bavail * raw.f_frsize,
                 .used_bytes = (raw.f_blocks - raw.f_bfree) * raw.f_frsize,
                 .inodes = raw.f_files,
                 .inodes_free = raw.f_ffree};
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  while (!directory.empty() && directory.back() == '/') directory.remove_suffix(1);
  while (!name.empty() && name.front() == '/') name.remove_prefix(1);
  return fmt::format("{}/{}", directory, name);
}

std::string_view BaseName(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

std::string_view DirName(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

}  // namespace sampan::os
