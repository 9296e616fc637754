#include "os/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "base/check.h"
#include "os/errno.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/netlink.h"

namespace sampan::os {

namespace {

constexpr const char* kThisNetns = "/proc/thread-self/ns/net";

Result<void> UnshareInto(const std::string& path) {
  if (::unshare(CLONE_NEWNET) != 0) return Fail(LastError("unshare the network namespace"));
  TRY(Netlink netlink, Netlink::Open());
  TRY_VOID(netlink.SetUp("lo"));
  return Mount(kThisNetns, path, {}, MS_BIND);
}

}  // namespace

Result<void> CreateNetns(const std::string& path) {
  TRY_VOID(MakeDirs(std::string(DirName(path))));
  Fd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!file) return Fail(LastError(path));
  file.Reset();
  // On a thread of its own, which takes the new namespace with it to the grave.
  Result<void> made;
  std::thread([&] { made = UnshareInto(path); }).join();
  if (!made) ::unlink(path.c_str());
  return made;
}

Result<void> DeleteNetns(const std::string& path) {
  TRY_VOID(Unmount(path, UnmountMode::kLazy));
  return RemoveFile(path);
}

Result<void> InNetns(const std::string& path, const std::function<Result<void>()>& work) {
  Fd before(::open(kThisNetns, O_RDONLY | O_CLOEXEC));
  if (!before) return Fail(LastError(kThisNetns));
  Fd target(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!target) return Fail(LastError(path));
  if (::setns(target.get(), CLONE_NEWNET) != 0) return Fail(LastError(path));
  Result<void> result = work();
  // A thread that stayed there would do everything after this in the wrong network.
  CHECK(::setns(before.get(), CLONE_NEWNET) == 0);
  return result;
}

}  // namespace sampan::os
