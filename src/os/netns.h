// Network namespaces held by a bind mount, as `ip netns` keeps them in /run/netns. Calls block.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"

namespace sampan::os {

// Makes a new namespace and holds it at `path` ("/run/netns/name"); its loopback is up. AlreadyExists.
Result<void> CreateNetns(const std::string& path);
// Fine when absent. The namespace lives on while processes are in it.
Result<void> DeleteNetns(const std::string& path);
// Runs `work` on this thread inside the namespace and comes back. Sockets opened there stay there.
Result<void> InNetns(const std::string& path, const std::function<Result<void>()>& work);

}  // namespace sampan::os
