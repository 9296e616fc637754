// Who this machine is: its name and the address others reach it at.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/config.h"

namespace sampan::daemon {

// The host name in lower case, as nodes are named.
std::string HostName();
// The address of the interface with the default route; of a machine without one, its first address that others can reach
// and that is in none of `own_networks` (CIDRs of pods and Services, whose bridges come and go with them), and of a machine
// without that, 127.0.0.1. Blocks for microseconds.
std::string HostAddress(const std::vector<std::string>& own_networks);
// Gives a node without a name or an address this machine's.
void FillFromHost(NodeConfig& config);
// The address number `index` of a network: AddressIn("10.96.0.0/12", 10) is 10.96.0.10.
std::string AddressIn(const std::string& cidr, uint32_t index);
bool InNetwork(const std::string& address, const std::string& cidr);

}  // namespace sampan::daemon
