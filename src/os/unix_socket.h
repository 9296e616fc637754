// Who is behind a socket file.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"

namespace sampan::os {

// The process that listens on a Unix socket. NotFound when nobody does: no such file, or one that was left behind. 0 when
// it is of another pid namespace. Blocks for microseconds, longer when the listener's queue is full.
Result<pid_t> ListenerOf(const std::string& path);

}  // namespace sampan::os
