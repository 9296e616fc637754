// The CNI configuration that a node gets when it has none: a bridge, addresses from the node's own range, host ports.
#pragma once

#include <string>

#include "base/error.h"

namespace sampan::node {

struct BridgeConf {
  std::string bridge;             // "sampan0"
  std::string pod_cidr;           // "10.244.0.0/24"
  std::string ipam_dir;           // where host-local keeps its leases
  std::string service_cidr = {};  // where host ports are not opened although some of it is the host's; empty: nowhere
};
std::string BridgeConfText(const BridgeConf& conf);

// Writes it as `dir`/10-sampan.conflist, unless another configuration is there: then that one counts. Blocks.
enum class WrittenConf : bool { kOurs, kAnother };
Result<WrittenConf> WriteBridgeConf(const std::string& dir, const BridgeConf& conf);

// Makes the bridge with the range's first address. The plugin would too, but not when the first pods come at the same time.
// Blocks.
Result<void> EnsureBridge(const BridgeConf& conf);

}  // namespace sampan::node
