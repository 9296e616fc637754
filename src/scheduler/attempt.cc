#include "scheduler/attempt.h"

#include "scheduler/plugins/pod_affinity.h"
#include "scheduler/plugins/topology_spread.h"

namespace sampan::scheduler {
namespace {

void AddImages(const std::vector<api::core::Container>& containers, const Cluster& cluster, Attempt& attempt) {
  for (const api::core::Container& container : containers) {
    const HeldImage* held = cluster.FindImage(container.image);
    if (held != nullptr) attempt.images.push_back(held);
  }
}

}  // namespace

Attempt Prepare(const PodInfo& pod, const Cluster& cluster, const Without& without) {
  Attempt attempt{pod, std::nullopt, std::nullopt, {}, nullptr, {}, cluster.size(), cluster.zones()};
  bool relates = pod.relations != nullptr;
  if (relates || !cluster.related().empty()) attempt.affinity = plugins::PrepareAffinity(pod, cluster, without);
  if (relates && !pod.relations->spread.empty()) attempt.spread = plugins::PrepareSpread(pod, cluster, without);
  if (!attempt.spread) attempt.siblings = cluster.Siblings(OwnerUid(pod.pod.head()));
  if (attempt.siblings != nullptr && cluster.zones() > 1) {
    attempt.siblings_in_zone.resize(cluster.zones() + 1);
    for (const auto& [slot, count] : *attempt.siblings) attempt.siblings_in_zone[cluster.at_slot(slot).zone] += count;
  }
  if (cluster.holds_images()) {
    AddImages(pod.spec().init_containers, cluster, attempt);
    AddImages(pod.spec().containers, cluster, attempt);
  }
  return attempt;
}

}  // namespace sampan::scheduler
