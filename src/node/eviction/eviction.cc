#include "node/eviction/eviction.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "async/contain.h"
#include "base/log.h"
#include "node/eviction/image_garbage.h"
#include "node/pods/amount.h"
#include "node/pods/manager.h"
#include "node/pods/resources.h"
#include "node/volumes/payload.h"
#include "os/disk_use.h"

namespace sampan::node {

using api::core::PodSpec;

namespace {

constexpr Duration kPeriod = std::chrono::seconds(10);

int64_t DiskRequest(const PodSpec& spec) {
  return PodRequest(spec, "ephemeral-storage");
}

bool IsCritical(const PodSpec& spec) {
  return spec.priority_class_name == "system-node-critical" || spec.priority_class_name == "system-cluster-critical";
}

using DiskBytes = std::map<std::string, int64_t>;  // by pod uid

DiskBytes DiskBytesOf(const Paths& paths, const std::vector<std::shared_ptr<const api::core::Pod>>& pods) {
  DiskBytes bytes;
  for (const auto& pod : pods) bytes[pod->metadata.uid] = PodDiskBytes(paths, *pod);
  return bytes;
}

std::vector<EvictionCandidate> Candidates(PodManager& pods, const std::vector<cri::ContainerStats>& stats,
                                          const DiskBytes& disk) {
  std::vector<EvictionCandidate> candidates;
  for (PodWorker* worker : pods.All()) {
    if (worker->terminating()) continue;
    EvictionCandidate candidate;
    candidate.uid = worker->pod().metadata.uid;
    candidate.spec = &worker->pod().spec;
    candidate.critical = IsCritical(worker->pod().spec);
    if (auto known = disk.find(candidate.uid); known != disk.end()) candidate.disk_bytes = known->second;
    for (const cri::ContainerStats& one : stats) {
      auto uid = one.labels.find(std::string(labels::kPodUid));
      if (uid == one.labels.end() || uid->second != candidate.uid) continue;
      candidate.memory_bytes += static_cast<int64_t>(one.memory_working_set_bytes);
      candidate.disk_bytes = AddAmounts(candidate.disk_bytes, static_cast<int64_t>(one.writable_layer_bytes));
    }
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

// Failures are not worth more than a line: the next look tries again.
Task<void> ReclaimDisk(PodServices* services, PodManager* pods) {
  std::vector<std::string> containers;
  for (PodWorker* worker : pods->All()) {
    for (std::string& id : RemovableContainers(worker->pod(), worker->runtime())) containers.push_back(std::move(id));
  }
  for (const std::string& id : containers) {
    Result<void> removed = co_await services->runtime.RemoveContainer(id);
    if (!removed) LOG_WARN("node", "cannot remove container {}: {}", id, removed.error());
  }
  Result<void> removed = co_await RemoveUnusedImages(services);
  if (!removed) LOG_WARN("node", "cannot remove unused images: {}", removed.error());
}

}  // namespace

int64_t PodDiskBytes(const Paths& paths, const api::core::Pod& pod) {
  constexpr size_t kMostEntries = 1'000'000;
  const api::meta::ObjectMeta& metadata = pod.metadata;
  std::vector<std::string> dirs{paths.PodLogs(metadata.namespace_, metadata.name, metadata.uid)};
  for (const api::core::Volume& volume : pod.spec.volumes) {
    const bool on_disk = volume.empty_dir && volume.empty_dir->medium != "Memory";
    if (on_disk) dirs.push_back(paths.Volume(metadata.uid, VolumePlugin(volume), volume.name));
  }
  int64_t bytes = 0;
  size_t left = kMostEntries;
  for (const std::string& dir : dirs) {
    const os::DiskUse use = os::DiskUseOf(dir, left);
    if (use.extent == os::DiskUse::Extent::kPart) return std::numeric_limits<int64_t>::max();
    left -= use.entries;
    constexpr uint64_t kPage = 4096;
    bytes = AddAmounts(bytes, static_cast<int64_t>(std::max<uint64_t>(use.bytes, use.entries * kPage)));
  }
  return bytes;
}

std::optional<Eviction> PlanEviction(const Pressure& pressure, const std::vector<EvictionCandidate>& candidates) {
  if (!pressure.memory && !pressure.disk) return std::nullopt;
  const bool memory = pressure.memory;
  const EvictionCandidate* chosen = nullptr;
  std::tuple<bool, int32_t, int64_t> best;  // within its request, priority, less excess: the smallest goes first
  for (const EvictionCandidate& candidate : candidates) {
    if (candidate.critical) continue;
    int64_t used = memory ? candidate.memory_bytes : candidate.disk_bytes;
    int64_t excess = used - (memory ? PodRequest(*candidate.spec, "memory") : DiskRequest(*candidate.spec));
    auto rank = std::tuple(excess <= 0, candidate.spec->priority.value_or(0), -excess);
    if (chosen == nullptr || rank < best) {
      chosen = &candidate;
      best = rank;
    }
  }
  if (chosen == nullptr) return std::nullopt;
  return Eviction{chosen->uid, fmt::format("The node was low on resource: {}. ", memory ? "memory" : "ephemeral-storage")};
}

std::vector<std::string> RemovableContainers(const api::core::Pod& pod, const RuntimePod& runtime) {
  std::vector<std::string> ids;
  if (!IsTerminal(pod.status)) return ids;
  for (const cri::Container& container : runtime.containers) {
    if (container.state == cri::ContainerState::kExited) ids.push_back(container.id);
  }
  return ids;
}

namespace {

Task<void> EvictOnce(PodServices* services, PodManager* pods) {
  auto usage = co_await FetchMachineUsage(&services->blocking, services->paths.data);
  if (!usage) co_return;
  Pressure pressure = PressureOf(*usage);
  if (pressure.disk) {
    co_await ReclaimDisk(services, pods);
    usage = co_await FetchMachineUsage(&services->blocking, services->paths.data);
    if (usage) pressure = PressureOf(*usage);
  }
  if (!pressure.memory && !pressure.disk) co_return;
  auto stats = co_await services->runtime.ListStats();
  if (!stats) co_return;
  DiskBytes disk;
  if (pressure.disk) {
    std::vector<std::shared_ptr<const api::core::Pod>> all;
    for (PodWorker* worker : pods->All()) all.push_back(worker->pod_ptr());
    disk = co_await services->blocking.Run([services, &all] { return DiskBytesOf(services->paths, all); });
  }
  std::optional<Eviction> eviction = PlanEviction(pressure, Candidates(*pods, *stats, disk));
  if (!eviction) co_return;
  for (PodWorker* worker : pods->All()) {
    if (worker->pod().metadata.uid != eviction->uid) continue;
    LOG_WARN("node", "evicting pod {}/{}: {}", worker->pod().metadata.namespace_, worker->pod().metadata.name,
             eviction->message);
    worker->Evict("Evicted", eviction->message);
  }
}

}  // namespace

Task<void> EvictUnderPressure(PodServices* services, PodManager* pods, CancelToken stop) {
  while (!stop.Requested()) {
    co_await services->clock.Sleep(kPeriod, stop);
    if (!stop.Requested()) co_await Contained("eviction", EvictOnce(services, pods));
  }
}

}  // namespace sampan::node
