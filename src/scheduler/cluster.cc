#include "scheduler/cluster.h"

#include <algorithm>

namespace sampan::scheduler {
namespace {

// Whether any amount grew.
bool Grew(const Resources& before, const Resources& after) {
  if (after.milli_cpu > before.milli_cpu || after.memory > before.memory || after.pods > before.pods ||
      after.ephemeral_storage > before.ephemeral_storage) {
    return true;
  }
  return std::ranges::any_of(after.extended,
                             [&](const auto& entry) { return entry.second > before.extended.Get(entry.first); });
}

}  // namespace

uint32_t Cluster::SlotOf(std::string_view name) {
  auto [it, added] = by_name_.try_emplace(std::string(name), static_cast<uint32_t>(slots_.size()));
  if (added) slots_.emplace_back().name = name;
  return it->second;
}

bool Cluster::PutNode(NodePtr node) {
  uint32_t slot = SlotOf(node.name());
  NodeInfo& info = slots_[slot];
  Resources allocatable = Resources::Of(node->status.allocatable);
  bool unschedulable = node->spec.unschedulable.value_or(false);
  bool better = !info.node || Grew(info.allocatable, allocatable) || (info.unschedulable && !unschedulable) ||
                info.labels() != node->metadata.labels || info.taints() != node->spec.taints;
  if (!info.node) active_.push_back(slot);
  info.allocatable = std::move(allocatable);
  info.unschedulable = unschedulable;
  info.tainted = !node->spec.taints.empty();
  info.prefers_no_schedule =
      std::ranges::any_of(node->spec.taints, [](const auto& taint) { return taint.effect == "PreferNoSchedule"; });
  info.object = &*node;
  info.node = std::move(node);
  return better;
}

void Cluster::RemoveNode(std::string_view name) {
  auto it = by_name_.find(std::string(name));
  if (it == by_name_.end()) return;
  // The slot stays for the pods that still name the node and for its return.
  slots_[it->second].object = nullptr;
  slots_[it->second].node = {};
  std::erase(active_, it->second);
}

void Cluster::PutPod(const PodInfo& pod, std::string_view node) {
  uint32_t slot = SlotOf(node);
  auto [it, added] = pods_.try_emplace(pod.pod.uid());
  if (!added) {
    if (it->second.slot == slot) return;
    Release(it->second);
  }
  it->second = Placed{slot, pod.requests, pod.scoring, pod.host_ports};
  NodeInfo& info = slots_[slot];
  info.requested += pod.requests;
  info.scoring_requested += pod.scoring;
  info.used_ports.insert(info.used_ports.end(), pod.host_ports.begin(), pod.host_ports.end());
}

bool Cluster::RemovePod(std::string_view uid) {
  auto it = pods_.find(std::string(uid));
  if (it == pods_.end()) return false;
  Release(it->second);
  pods_.erase(it);
  return true;
}

void Cluster::Release(const Placed& placed) {
  NodeInfo& info = slots_[placed.slot];
  info.requested -= placed.requests;
  info.scoring_requested -= placed.scoring;
  for (const HostPort& port : placed.ports) {
    auto used = std::ranges::find(info.used_ports, port);
    if (used != info.used_ports.end()) info.used_ports.erase(used);
  }
}

}  // namespace sampan::scheduler
