// The addresses of this host, as far as the name server changes them. Calls block.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace sampan::dns {

class HostAddresses {
 public:
  virtual ~HostAddresses() = default;
  virtual Result<void> Add(const std::string& address) = 0;     // fine when it is there
  virtual Result<void> Remove(const std::string& address) = 0;  // fine when it is not
};

// On the loopback interface, so that the address is this host's own for its pods and for nobody else. Forbidden without
// CAP_NET_ADMIN.
std::unique_ptr<HostAddresses> NewLoopbackAddresses();

}  // namespace sampan::dns
