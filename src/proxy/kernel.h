// The kernel as the proxy sees it. Calls block and must not overlap.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "os/conntrack.h"
#include "proxy/rules.h"

namespace sampan::proxy {

// Whether the kernel routes packets from and to 127.0.0.0/8.
enum class LoopbackRoute { kOpen, kClosed };

class Kernel {
 public:
  virtual ~Kernel() = default;
  // Turns on forwarding and, where the kernel can, packet filters for bridged traffic; tells whether replies between pods of
  // one bridge are seen.
  virtual Result<LocalReplies> Prepare() = 0;
  // Open, node ports answer on 127.0.0.1; and what listens there answers to neighbours, but for the table's guard: so never
  // open without the table.
  virtual Result<void> SetLoopbackRoute(LoopbackRoute route) = 0;
  // One transaction.
  virtual Result<void> Apply(const std::string& commands) = 0;
  virtual Result<bool> HasTable(IpFamily family) = 0;
  // Forgets the UDP flows that `doomed` picks; how many there were.
  virtual Result<size_t> ForgetUdpFlows(const std::function<bool(const os::Flow&)>& doomed) = 0;
};

// Removes the family's table, and what must not be open without it.
Result<void> RemoveTable(Kernel& kernel, IpFamily family);

// Of this host, or of the network namespace at `netns_path`. Forbidden without CAP_NET_ADMIN.
Result<std::unique_ptr<Kernel>> NewLinuxKernel(std::string netns_path = {});

}  // namespace sampan::proxy
