// The scheduler's picture of the cluster: a dense array of nodes with what is free on each, the pods on them, and who has
// been promised a place. Kept up to date by events and by the decisions that are not yet written.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scheduler/pod_info.h"

namespace sampan::scheduler {

using NodePtr = client::TypedPtr<api::core::Node>;

// A pod on a node.
struct PlacedPod {
  PodPtr pod;
  uint32_t slot = 0;  // of its node
  int32_t priority = 0;
  Resources requests;
  Resources scoring;
  std::vector<HostPort> ports;
  std::shared_ptr<const Relations> relations;
  // Where it stands in the lists of its node, its namespace, and the pods with relations.
  uint32_t at_node = 0, at_namespace = 0, at_related = 0;
};
using PlacedPods = std::vector<PlacedPod*>;

struct NodeInfo {
  std::string name;
  uint32_t slot = 0;
  NodePtr node;                             // null while only pods name it
  const api::core::Node* object = nullptr;  // what `node` points to, so that filters need not ask for it
  Resources allocatable;
  Resources requested;
  Resources scoring_requested;
  std::vector<HostPort> used_ports;
  PlacedPods pods;
  std::vector<PodInfoPtr> nominees;  // pods that wait for room to be made here
  uint32_t zone = 0;                 // of the node's zone label; 0 when it has none
  bool unschedulable = false;
  bool tainted = false;
  bool prefers_no_schedule = false;  // has a PreferNoSchedule taint

  const api::StringMap& labels() const { return object->metadata.labels; }
  const std::vector<api::core::Taint>& taints() const { return object->spec.taints; }
  // As if the pod were (not) on it; the list of pods stays as it is.
  void Count(const Resources& requests, const Resources& scoring, std::span<const HostPort> ports);
  void Discount(const Resources& requests, const Resources& scoring, std::span<const HostPort> ports);
};

// An image that some node holds.
struct HeldImage {
  int64_t size = 0;  // bytes
  std::unordered_set<uint32_t> slots;
};

// How many pods with one controlling owner each node has, by slot.
using SiblingCounts = std::unordered_map<uint32_t, int32_t>;

// Used on one strand. Pods are known by uid.
class Cluster {
 public:
  // True when something changed that may let a waiting pod fit: more room, other labels or taints, schedulable again.
  bool PutNode(NodePtr node);
  void RemoveNode(std::string_view name);

  void PutNamespace(const std::string& name, api::StringMap labels) { namespaces_[name] = std::move(labels); }
  void RemoveNamespace(const std::string& name) { namespaces_.erase(name); }
  const api::StringMap& NamespaceLabels(const std::string& name) const;

  // Counts a pod on a node, once: a pod that is there already (assumed, or told again) is brought up to date, and one that
  // is on another node moves. True when it is new there or matches other selectors now.
  bool PutPod(const PodInfo& pod, std::string_view node);
  // False when the pod was not counted.
  bool RemovePod(std::string_view uid);

  // Promises the pod a place on the node, until it is placed or forgotten: pods of less priority leave that room alone.
  void Nominate(PodInfoPtr pod, std::string_view node);
  void Unnominate(std::string_view uid);
  bool IsNominated(std::string_view uid) const { return nominated_.contains(std::string(uid)); }
  const NodeInfo* NominatedNode(std::string_view uid) const;  // null when there is none

  // The nodes that pods may be placed on, in no particular order; indices into it are valid until the next change.
  size_t size() const { return active_.size(); }
  const NodeInfo& at(size_t index) const { return slots_[active_[index]]; }

  // The node of a placed pod; its `object` is null when only pods name it.
  const NodeInfo& NodeOf(const PlacedPod& pod) const { return slots_[pod.slot]; }
  const NodeInfo& at_slot(uint32_t slot) const { return slots_[slot]; }
  const PlacedPods& PodsIn(const std::string& namespace_) const;
  const std::unordered_map<std::string, PlacedPod>& pods() const { return pods_; }
  const PlacedPods& related() const { return related_; }  // those with affinity or anti-affinity of their own
  const SiblingCounts* Siblings(std::string_view owner_uid) const;
  size_t zones() const { return zones_.size(); }
  bool holds_images() const { return !images_.empty(); }
  const HeldImage* FindImage(const std::string& name) const;
  // The least priority among the placed pods; nothing when there are none.
  std::optional<int32_t> LeastPriority() const;

 private:
  uint32_t SlotOf(std::string_view name);
  void Enter(PlacedPod& placed);
  void Leave(PlacedPod& placed);
  void PutImages(uint32_t slot, const api::core::Node* before, const api::core::Node* after);

  std::vector<NodeInfo> slots_;
  std::vector<uint32_t> active_;
  std::unordered_map<std::string, uint32_t> by_name_;
  std::unordered_map<std::string, PlacedPod> pods_;
  std::unordered_map<std::string, PlacedPods> by_namespace_;
  std::unordered_map<std::string, SiblingCounts> siblings_;  // by the owner's uid
  PlacedPods related_;
  std::map<int32_t, size_t> priorities_;
  std::unordered_map<std::string, api::StringMap> namespaces_;
  std::unordered_map<std::string, uint32_t> nominated_;  // to which slot, by uid
  std::unordered_map<std::string, HeldImage> images_;
  std::unordered_map<std::string, uint32_t> zones_;
};

// The uid of what controls the pod; empty when nothing does.
std::string_view OwnerUid(const api::ObjectHead& pod);

// An image's name with its tag: "redis" means "redis:latest".
std::string NormalImageName(std::string_view name);

}  // namespace sampan::scheduler
