#include "os/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "os/errno.h"
#include "os/fd.h"

namespace sampan::os {

Result<pid_t> ListenerOf(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Fail(Error::BadRequest("{} is too long for a socket", path));
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Fail(LastError("socket"));
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ECONNREFUSED) return Fail(Error::NotFound("nobody listens on {}", path));
    return Fail(LastError(path));
  }
  // Those of whom called listen().
  ucred credentials = {};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return Fail(LastError(path));
  return credentials.pid;
}

}  // namespace sampan::os
