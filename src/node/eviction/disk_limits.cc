#include "node/eviction/disk_limits.h"

#include <algorithm>
#include <vector>

#include "async/contain.h"
#include "base/log.h"
#include "node/pods/amount.h"
#include "node/pods/manager.h"
#include "node/volumes/payload.h"
#include "os/disk_use.h"

namespace sampan::node {

using api::core::Container;
using api::core::Pod;
using api::core::PodSpec;
using api::core::Volume;

namespace {

constexpr Duration kPeriod = std::chrono::seconds(10);
constexpr int kRest = 20;  // times what measuring took
constexpr Duration kLongest = std::chrono::minutes(5);
constexpr size_t kMostEntries = 1'000'000;
constexpr std::string_view kResource = "ephemeral-storage";

bool OnDisk(const Volume& volume) {
  return volume.empty_dir && volume.empty_dir->medium != "Memory";
}

// Null when there is none; a limit of nothing is none, as in Kubernetes.
const api::Quantity* LimitOf(const Volume& volume) {
  if (!OnDisk(volume) || !volume.empty_dir->size_limit || volume.empty_dir->size_limit->Sign() <= 0) return nullptr;
  return &*volume.empty_dir->size_limit;
}

const api::Quantity* LimitOf(const Container& container) {
  const api::Quantity* limit = container.resources.OrEmpty().limits.Find(kResource);
  return limit == nullptr || limit->Sign() <= 0 ? nullptr : limit;
}

template <class F>
void ForEachContainer(const PodSpec& spec, F f) {
  for (const Container& container : spec.init_containers) f(container);
  for (const Container& container : spec.containers) f(container);
}

// Containers together, or the init container that may take more.
api::Quantity PodLimit(const PodSpec& spec) {
  api::Quantity sum;
  for (const Container& container : spec.containers) {
    if (const api::Quantity* limit = LimitOf(container)) sum += *limit;
  }
  for (const Container& container : spec.init_containers) {
    const api::Quantity* limit = LimitOf(container);
    if (limit != nullptr && *limit > sum) sum = *limit;
  }
  return sum;
}

int64_t UsedBelow(const std::string& dir, size_t& left) {
  constexpr uint64_t kPage = 4096;
  const os::DiskUse use = os::DiskUseOf(dir, left);
  left -= std::min(left, use.entries);
  const bool part = use.extent == os::DiskUse::Extent::kPart;
  return static_cast<int64_t>(part ? std::max<uint64_t>(use.bytes, use.entries * kPage) : use.bytes);
}

int64_t Used(const std::map<std::string, int64_t>& by_name, const std::string& name) {
  auto found = by_name.find(name);
  return found == by_name.end() ? 0 : found->second;
}

}  // namespace

bool HasDiskLimits(const PodSpec& spec) {
  bool limited = std::ranges::any_of(spec.volumes, [](const Volume& volume) { return LimitOf(volume) != nullptr; });
  ForEachContainer(spec, [&](const Container& container) { limited |= LimitOf(container) != nullptr; });
  return limited;
}

DiskUsage MeasureDisk(const Paths& paths, const Pod& pod) {
  const api::meta::ObjectMeta& metadata = pod.metadata;
  DiskUsage usage;
  size_t left = kMostEntries;
  for (const Volume& volume : pod.spec.volumes) {
    if (!OnDisk(volume)) continue;
    usage.empty_dirs[volume.name] = UsedBelow(paths.Volume(metadata.uid, VolumePlugin(volume), volume.name), left);
  }
  const std::string logs = paths.PodLogs(metadata.namespace_, metadata.name, metadata.uid);
  ForEachContainer(pod.spec, [&](const Container& container) {
    usage.containers[container.name] = UsedBelow(logs + "/" + container.name, left);
  });
  return usage;
}

std::optional<std::string> ExceededDiskLimit(const PodSpec& spec, const DiskUsage& usage) {
  int64_t total = 0;
  for (const Volume& volume : spec.volumes) {
    const int64_t used = Used(usage.empty_dirs, volume.name);
    total = AddAmounts(total, used);
    const api::Quantity* limit = LimitOf(volume);
    if (limit == nullptr || used <= limit->Value()) continue;
    return fmt::format("Usage of EmptyDir volume \"{}\" exceeds the limit \"{}\". ", volume.name, limit->ToString());
  }
  for (const auto& [name, used] : usage.containers) total = AddAmounts(total, used);
  const api::Quantity most = PodLimit(spec);
  if (most.Sign() > 0 && total > most.Value()) {
    return fmt::format("Pod ephemeral local storage usage exceeds the total limit of containers {}. ", most.ToString());
  }
  std::optional<std::string> exceeded;
  ForEachContainer(spec, [&](const Container& container) {
    const api::Quantity* limit = LimitOf(container);
    if (exceeded || limit == nullptr || Used(usage.containers, container.name) <= limit->Value()) return;
    exceeded =
        fmt::format("Container {} exceeded its local ephemeral storage limit \"{}\". ", container.name, limit->ToString());
  });
  return exceeded;
}

namespace {

// Tells in `measuring` how long that took.
Task<void> EnforceOnce(PodServices* services, PodManager* pods, Duration* measuring) {
  std::vector<std::shared_ptr<const Pod>> limited;
  for (PodWorker* worker : pods->All()) {
    if (!worker->terminating() && !IsTerminal(worker->pod().status) && HasDiskLimits(worker->pod().spec)) {
      limited.push_back(worker->pod_ptr());
    }
  }
  if (limited.empty()) co_return;
  std::map<std::string, DiskUsage> usage = co_await services->blocking.Run([services, &limited, measuring] {
    const MonoTime begin = services->clock.Monotonic();
    std::map<std::string, DiskUsage> by_uid;
    for (const auto& pod : limited) by_uid[pod->metadata.uid] = MeasureDisk(services->paths, *pod);
    *measuring = services->clock.Monotonic() - begin;
    return by_uid;
  });
  auto stats = co_await services->runtime.ListStats();
  if (!stats) co_return;
  for (const cri::ContainerStats& one : *stats) {
    auto uid = one.labels.find(std::string(labels::kPodUid));
    auto pod = uid == one.labels.end() ? usage.end() : usage.find(uid->second);
    if (pod == usage.end()) continue;
    int64_t& used = pod->second.containers[one.name];
    used = AddAmounts(used, static_cast<int64_t>(one.writable_layer_bytes));
  }
  for (PodWorker* worker : pods->All()) {
    auto measured = usage.find(worker->pod().metadata.uid);
    if (measured == usage.end() || worker->terminating()) continue;
    std::optional<std::string> reason = ExceededDiskLimit(worker->pod().spec, measured->second);
    if (!reason) continue;
    LOG_WARN("node", "evicting pod {}/{}: {}", worker->pod().metadata.namespace_, worker->pod().metadata.name, *reason);
    worker->Evict("Evicted", *std::move(reason));
  }
}

}  // namespace

Task<void> EnforceDiskLimits(PodServices* services, PodManager* pods, CancelToken stop) {
  Duration rest = kPeriod;
  while (!stop.Requested()) {
    co_await services->clock.Sleep(rest, stop);
    if (stop.Requested()) co_return;
    Duration measuring(0);
    co_await Contained("disk limits", EnforceOnce(services, pods, &measuring));
    rest = std::clamp<Duration>(kRest * measuring, kPeriod, kLongest);
  }
}

}  // namespace sampan::node
