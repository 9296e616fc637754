// The scheduler's picture of the cluster: a dense array of nodes with what is free on each, kept up to date by events and
// by the decisions that are not yet written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "scheduler/pod_info.h"

namespace sampan::scheduler {

using NodePtr = client::TypedPtr<api::core::Node>;

struct NodeInfo {
  std::string name;
  NodePtr node;                             // null while only pods name it
  const api::core::Node* object = nullptr;  // what `node` points to, so that filters need not ask for it
  Resources allocatable;
  Resources requested;
  Resources scoring_requested;
  std::vector<HostPort> used_ports;
  bool unschedulable = false;
  bool tainted = false;
  bool prefers_no_schedule = false;  // has a PreferNoSchedule taint

  const api::StringMap& labels() const { return object->metadata.labels; }
  const std::vector<api::core::Taint>& taints() const { return object->spec.taints; }
};

// Used on one strand. Pods are known by uid.
class Cluster {
 public:
  // True when something changed that may let a waiting pod fit: more room, other labels or taints, schedulable again.
  bool PutNode(NodePtr node);
  void RemoveNode(std::string_view name);

  // Counts a pod on a node, once: a pod that is there already (assumed, or told again) is not counted twice, and one that
  // is on another node moves.
  void PutPod(const PodInfo& pod, std::string_view node);
  // False when the pod was not counted.
  bool RemovePod(std::string_view uid);

  // The nodes that pods may be placed on, in no particular order; indices into it are valid until the next change.
  size_t size() const { return active_.size(); }
  const NodeInfo& at(size_t index) const { return slots_[active_[index]]; }

 private:
  struct Placed {
    uint32_t slot = 0;
    Resources requests;
    Resources scoring;
    std::vector<HostPort> ports;
  };
  uint32_t SlotOf(std::string_view name);
  void Release(const Placed& placed);

  std::vector<NodeInfo> slots_;
  std::vector<uint32_t> active_;
  std::unordered_map<std::string, uint32_t> by_name_;
  std::unordered_map<std::string, Placed> pods_;
};

}  // namespace sampan::scheduler
