#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/pki.h"

namespace sampan::net {
namespace {

// Closes at the end of its scope.
struct FileDescriptor {
  int fd;
  ~FileDescriptor() {
    if (fd >= 0) close(fd);
  }
};

Result<void> WriteAll(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(Error::Errno(errno, path));
    text.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(fd) != 0) return Fail(Error::Errno(errno, path));
  return {};
}

}  // namespace

Result<void> WriteFileAtomically(const std::string& path, std::string_view text, FileMode mode) {
  std::string beside = path + ".XXXXXX";
  FileDescriptor file{mkostemp(beside.data(), O_CLOEXEC)};
  if (file.fd < 0) return Fail(Error::Errno(errno, path));
  Result<void> written = WriteAll(file.fd, text, path);
  if (written && fchmod(file.fd, mode == FileMode::kPrivate ? 0600 : 0644) != 0) written = Fail(Error::Errno(errno, path));
  if (written && rename(beside.c_str(), path.c_str()) != 0) written = Fail(Error::Errno(errno, path));
  if (!written) {
    unlink(beside.c_str());
    return written;
  }
  // The rename itself is durable once its directory is.
  size_t slash = path.rfind('/');
  std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  FileDescriptor folder{open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.fd >= 0) fsync(folder.fd);
  return {};
}

Result<std::string> ReadWholeFile(const std::string& path) {
  FileDescriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) {
    if (errno == ENOENT) return Fail(Error::NotFound("{}: no such file", path));
    return Fail(Error::Errno(errno, path));
  }
  std::string text;
  std::array<char, 16 * 1024> buffer;
  while (true) {
    ssize_t length = read(file.fd, buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return Fail(Error::Errno(errno, path));
    if (length == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(length));
  }
}

}  // namespace sampan::net
