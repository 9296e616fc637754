#include "scheduler/cluster.h"

#include <algorithm>

namespace sampan::scheduler {
namespace {

constexpr std::string_view kZoneLabel = "topology.kubernetes.io/zone";

// Whether any amount grew.
bool Grew(const Resources& before, const Resources& after) {
  if (after.milli_cpu > before.milli_cpu || after.memory > before.memory || after.pods > before.pods ||
      after.ephemeral_storage > before.ephemeral_storage) {
    return true;
  }
  return std::ranges::any_of(after.extended,
                             [&](const auto& entry) { return entry.second > before.extended.Get(entry.first); });
}

// Lists that know where each of their pods stands: leaving moves the last one into the gap.
template <uint32_t PlacedPod::* At>
void Append(PlacedPods& list, PlacedPod& pod) {
  pod.*At = static_cast<uint32_t>(list.size());
  list.push_back(&pod);
}
template <uint32_t PlacedPod::* At>
void TakeOut(PlacedPods& list, const PlacedPod& pod) {
  PlacedPod* last = list.back();
  list[pod.*At] = last;
  last->*At = pod.*At;
  list.pop_back();
}

bool RelatesToOthers(const PlacedPod& pod) {
  const Relations* relations = pod.relations.get();
  return relations != nullptr && (relations->touches_affinity() || !relations->anti_affinity.empty());
}

}  // namespace

void NodeInfo::Count(const Resources& requests, const Resources& scoring, std::span<const HostPort> ports) {
  requested += requests;
  scoring_requested += scoring;
  used_ports.insert(used_ports.end(), ports.begin(), ports.end());
}

void NodeInfo::Discount(const Resources& requests, const Resources& scoring, std::span<const HostPort> ports) {
  requested -= requests;
  scoring_requested -= scoring;
  for (const HostPort& port : ports) {
    auto used = std::ranges::find(used_ports, port);
    if (used != used_ports.end()) used_ports.erase(used);
  }
}

std::string_view OwnerUid(const api::ObjectHead& pod) {
  for (const api::OwnerRef& owner : pod.owners) {
    if (owner.controller) return owner.uid;
  }
  return {};
}

std::string NormalImageName(std::string_view name) {
  size_t colon = name.rfind(':'), slash = name.rfind('/');
  bool tagged = colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  return tagged ? std::string(name) : std::string(name) + ":latest";
}

uint32_t Cluster::SlotOf(std::string_view name) {
  auto [it, added] = by_name_.try_emplace(std::string(name), static_cast<uint32_t>(slots_.size()));
  if (added) {
    NodeInfo& info = slots_.emplace_back();
    info.name = name;
    info.slot = it->second;
  }
  return it->second;
}

bool Cluster::PutNode(NodePtr node) {
  uint32_t slot = SlotOf(node.name());
  NodeInfo& info = slots_[slot];
  Resources allocatable = Resources::Of(node->status.allocatable);
  allocatable.LimitTo(kMostOfOne - 1);  // less than the most that a pod can ask for, which therefore fits nowhere
  bool unschedulable = node->spec.unschedulable.value_or(false);
  bool better = !info.node || Grew(info.allocatable, allocatable) || (info.unschedulable && !unschedulable) ||
                info.labels() != node->metadata.labels || info.taints() != node->spec.taints;
  if (!info.node) active_.push_back(slot);
  PutImages(slot, info.object, &*node);
  const std::string* zone = node->metadata.labels.Find(kZoneLabel);
  info.zone = zone == nullptr ? 0 : zones_.try_emplace(*zone, static_cast<uint32_t>(zones_.size() + 1)).first->second;
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
  NodeInfo& info = slots_[it->second];
  PutImages(it->second, info.object, nullptr);
  info.object = nullptr;
  info.node = {};
  std::erase(active_, it->second);
}

void Cluster::PutImages(uint32_t slot, const api::core::Node* before, const api::core::Node* after) {
  if (before != nullptr && after != nullptr && before->status.images == after->status.images) return;
  if (before != nullptr) {
    for (const auto& image : before->status.images) {
      for (const std::string& name : image.names) {
        auto held = images_.find(NormalImageName(name));
        if (held == images_.end()) continue;
        held->second.slots.erase(slot);
        if (held->second.slots.empty()) images_.erase(held);
      }
    }
  }
  if (after == nullptr) return;
  for (const auto& image : after->status.images) {
    for (const std::string& name : image.names) {
      HeldImage& held = images_[NormalImageName(name)];
      held.size = image.size_bytes.value_or(0);
      held.slots.insert(slot);
    }
  }
}

const api::StringMap& Cluster::NamespaceLabels(const std::string& name) const {
  static const api::StringMap kNone;
  auto found = namespaces_.find(name);
  return found == namespaces_.end() ? kNone : found->second;
}

bool Cluster::PutPod(const PodInfo& pod, std::string_view node) {
  uint32_t slot = SlotOf(node);
  Unnominate(pod.pod.uid());
  auto [it, added] = pods_.try_emplace(pod.pod.uid());
  PlacedPod& placed = it->second;
  if (!added) {
    bool same = placed.slot == slot && placed.pod.head().labels == pod.pod.head().labels &&
                OwnerUid(placed.pod.head()) == OwnerUid(pod.pod.head());
    if (same) {
      placed.pod = pod.pod;
      return false;
    }
    Leave(placed);
  }
  placed.pod = pod.pod;
  placed.slot = slot;
  placed.priority = pod.priority;
  placed.requests = pod.requests;
  placed.scoring = pod.scoring;
  placed.ports = pod.host_ports;
  placed.relations = pod.relations;
  Enter(placed);
  return true;
}

bool Cluster::RemovePod(std::string_view uid) {
  auto it = pods_.find(std::string(uid));
  if (it == pods_.end()) return false;
  Leave(it->second);
  pods_.erase(it);
  return true;
}

void Cluster::Enter(PlacedPod& placed) {
  NodeInfo& info = slots_[placed.slot];
  info.Count(placed.requests, placed.scoring, placed.ports);
  Append<&PlacedPod::at_node>(info.pods, placed);
  Append<&PlacedPod::at_namespace>(by_namespace_[placed.pod.namespace_()], placed);
  if (RelatesToOthers(placed)) Append<&PlacedPod::at_related>(related_, placed);
  std::string_view owner = OwnerUid(placed.pod.head());
  if (!owner.empty()) ++siblings_[std::string(owner)][placed.slot];
  ++priorities_[placed.priority];
}

void Cluster::Leave(PlacedPod& placed) {
  NodeInfo& info = slots_[placed.slot];
  info.Discount(placed.requests, placed.scoring, placed.ports);
  TakeOut<&PlacedPod::at_node>(info.pods, placed);
  auto neighbours = by_namespace_.find(placed.pod.namespace_());
  TakeOut<&PlacedPod::at_namespace>(neighbours->second, placed);
  if (neighbours->second.empty()) by_namespace_.erase(neighbours);
  if (RelatesToOthers(placed)) TakeOut<&PlacedPod::at_related>(related_, placed);
  auto family = siblings_.find(std::string(OwnerUid(placed.pod.head())));
  if (family != siblings_.end()) {
    auto here = family->second.find(placed.slot);
    if (--here->second == 0) family->second.erase(here);
    if (family->second.empty()) siblings_.erase(family);
  }
  auto priority = priorities_.find(placed.priority);
  if (--priority->second == 0) priorities_.erase(priority);
}

void Cluster::Nominate(PodInfoPtr pod, std::string_view node) {
  const std::string& uid = pod->pod.uid();
  Unnominate(uid);
  if (pods_.contains(uid)) return;
  uint32_t slot = SlotOf(node);
  nominated_[uid] = slot;
  slots_[slot].nominees.push_back(std::move(pod));
}

void Cluster::Unnominate(std::string_view uid) {
  if (nominated_.empty()) return;
  auto it = nominated_.find(std::string(uid));
  if (it == nominated_.end()) return;
  std::erase_if(slots_[it->second].nominees, [uid](const PodInfoPtr& pod) { return pod->pod.uid() == uid; });
  nominated_.erase(it);
}

const NodeInfo* Cluster::NominatedNode(std::string_view uid) const {
  if (nominated_.empty()) return nullptr;
  auto it = nominated_.find(std::string(uid));
  if (it == nominated_.end() || slots_[it->second].object == nullptr) return nullptr;
  return &slots_[it->second];
}

const PlacedPods& Cluster::PodsIn(const std::string& namespace_) const {
  static const PlacedPods kNone;
  auto found = by_namespace_.find(namespace_);
  return found == by_namespace_.end() ? kNone : found->second;
}

const SiblingCounts* Cluster::Siblings(std::string_view owner_uid) const {
  if (owner_uid.empty()) return nullptr;
  auto found = siblings_.find(std::string(owner_uid));
  return found == siblings_.end() ? nullptr : &found->second;
}

const HeldImage* Cluster::FindImage(const std::string& name) const {
  auto found = images_.find(NormalImageName(name));
  return found == images_.end() ? nullptr : &found->second;
}

std::optional<int32_t> Cluster::LeastPriority() const {
  return priorities_.empty() ? std::nullopt : std::optional(priorities_.begin()->first);
}

}  // namespace sampan::scheduler
