// The Node object and its status. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/types/core.h"
#include "node/cri/types.h"
#include "node/registration/machine.h"

namespace sampan::node {

struct NodeIdentity {
  std::string name, ip;
  bool control_plane = false;
  std::map<std::string, std::string> labels;
  int64_t max_pods = 110;
  int32_t port = 10250;
};

struct Pressure {
  bool memory = false, disk = false, pids = false;
  bool operator==(const Pressure&) const = default;
};
// At the thresholds of Kubernetes' defaults: 100 MiB of memory, 10% of the disk, 5% of the inodes, 5% of the pids left.
Pressure PressureOf(const MachineUsage& usage);

struct NodeFacts {
  NodeIdentity identity;
  Machine machine;
  Pressure pressure;
  std::string not_ready;  // why the runtime or its network is not ready; empty when they are
  cri::RuntimeVersion runtime;
  std::vector<cri::Image> images;
  WallTime now;
};

// To be created where there is none.
api::core::Node BuildNode(const NodeFacts& facts);
// The labels that a registered node must have; those of others stay.
api::StringMap NodeLabels(const NodeFacts& facts);
// `before` gives the times of conditions that did not change, and conditions of others.
api::core::NodeStatus BuildNodeStatus(const NodeFacts& facts, const api::core::NodeStatus& before);
// Equal but for heartbeat times.
bool SameButHeartbeats(const api::core::NodeStatus& a, const api::core::NodeStatus& b);

}  // namespace sampan::node
