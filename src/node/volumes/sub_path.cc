#include "node/volumes/sub_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mount.h"

namespace sampan::node {
namespace {

// Opens below `root` as if `root` were "/".
os::Fd OpenInRoot(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return os::Fd(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how))));
}

Result<os::Fd> OpenOrMake(int root, const std::string& sub_path) {
  os::Fd whole = OpenInRoot(root, sub_path);
  if (whole) return whole;
  if (errno != ENOENT) return Fail(os::LastError(sub_path));
  std::string path;
  os::Fd parent = OpenInRoot(root, ".");
  size_t begin = 0;
  while (begin < sub_path.size()) {
    size_t end = std::min(sub_path.find('/', begin), sub_path.size());
    std::string part = sub_path.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    path += path.empty() ? part : "/" + part;
    os::Fd next = OpenInRoot(root, path);
    if (!next && errno == ENOENT) {
      if (mkdirat(parent.get(), part.c_str(), 0755) != 0 && errno != EEXIST) return Fail(os::LastError(path));
      next = OpenInRoot(root, path);
    }
    if (!next) return Fail(os::LastError(path));
    parent = std::move(next);
  }
  return parent;
}

}  // namespace

Result<void> BindSubPath(const std::string& root, const std::string& sub_path, const std::string& target) {
  if (sub_path.starts_with('/') || ("/" + sub_path + "/").find("/../") != std::string::npos) {
    return Fail(Error::BadRequest("subPath \"{}\" must be relative and must not contain \"..\"", sub_path));
  }
  os::Fd directory(open(root.c_str(), O_PATH | O_CLOEXEC));
  if (!directory) return Fail(os::LastError(root));
  TRY(os::Fd source, OpenOrMake(directory.get(), sub_path));
  struct stat status{};
  if (fstat(source.get(), &status) != 0) return Fail(os::LastError(sub_path));
  TRY_VOID(os::Unmount(target));  // of an earlier run of the container
  TRY_VOID(os::RemoveAll(target));
  if (S_ISDIR(status.st_mode)) {
    TRY_VOID(os::MakeDirs(target, 0750));
  } else {
    TRY_VOID(os::MakeDirs(std::string(os::DirName(target)), 0750));
    TRY_VOID(os::WriteFileAtomic(target, "", {.mode = 0640, .sync = os::Sync::kNo}));
  }
  return os::BindMount("/proc/self/fd/" + std::to_string(source.get()), target);
}

}  // namespace sampan::node
