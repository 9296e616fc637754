#include "os/fd.h"

#include <unistd.h>

namespace sampan::os {

void Fd::Reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace sampan::os
