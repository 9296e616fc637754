#include "node/eviction/image_garbage.h"

#include <algorithm>
#include <set>

#include "async/contain.h"
#include "base/log.h"
#include "node/images/pause_image.h"
#include "node/pods/worker.h"
#include "node/registration/machine.h"

namespace sampan::node {
namespace {

constexpr Duration kPeriod = std::chrono::minutes(5);
constexpr Duration kLeastAge = std::chrono::minutes(2);
constexpr int64_t kHighPercent = 85, kLowPercent = 80;

bool Uses(const cri::Container& container, const cri::Image& image) {
  auto is_name = [&](const std::string& name) { return name == container.image || name == container.image_ref; };
  return is_name(image.id) || std::ranges::any_of(image.tags, is_name) || std::ranges::any_of(image.digests, is_name);
}

bool IsPause(const cri::Image& image) {
  return std::ranges::find(image.tags, kPauseImage) != image.tags.end();
}

Task<Result<void>> CollectOnce(PodServices* services, ImageUses* uses) {
  CO_TRY(std::vector<cri::Image> images, co_await services->runtime.ListImages());
  CO_TRY(std::vector<cri::Container> containers, co_await services->runtime.ListContainers({}));
  const WallTime now = services->clock.Now();
  NoteImageUses(*uses, images, containers, now);
  CO_TRY(MachineUsage usage, co_await FetchMachineUsage(&services->blocking, services->paths.data));
  const int64_t bytes = ImageBytesToFree(usage.disk_bytes, usage.disk_available_bytes);
  for (const std::string& id : PlanImageRemoval(*uses, images, bytes, now)) {
    LOG_INFO("node", "the disk is filling up: removing image {}", id);
    // One that cannot be removed keeps no other.
    Result<void> removed = co_await services->runtime.RemoveImage(id);
    if (!removed) LOG_WARN("node", "cannot remove image {}: {}", id, removed.error());
  }
  co_return Result<void>();
}

}  // namespace

void NoteImageUses(ImageUses& uses, std::span<const cri::Image> images, std::span<const cri::Container> containers,
                   WallTime now) {
  std::set<std::string_view> present;
  for (const cri::Image& image : images) {
    present.insert(image.id);
    ImageUse& use = uses.try_emplace(image.id, ImageUse{now, {}}).first->second;
    if (std::ranges::any_of(containers, [&](const cri::Container& one) { return Uses(one, image); })) use.last_used = now;
  }
  std::erase_if(uses, [&](const auto& entry) { return !present.contains(entry.first); });
}

std::vector<std::string> PlanImageRemoval(const ImageUses& uses, std::span<const cri::Image> images, int64_t bytes,
                                          WallTime now) {
  std::vector<std::pair<ImageUse, const cri::Image*>> candidates;
  for (const cri::Image& image : images) {
    auto use = uses.find(image.id);
    if (use == uses.end() || use->second.last_used == now || now - use->second.first_seen < kLeastAge) continue;
    if (!image.digests.empty() && !IsPause(image)) candidates.emplace_back(use->second, &image);
  }
  std::ranges::sort(candidates, {}, [](const auto& candidate) {
    return std::tuple(candidate.first.last_used, candidate.first.first_seen, std::string_view(candidate.second->id));
  });
  std::vector<std::string> ids;
  for (const auto& [use, image] : candidates) {
    if (bytes <= 0) break;
    // A runtime may say of an image what it likes.
    bytes -= static_cast<int64_t>(std::min<uint64_t>(image->size_bytes, static_cast<uint64_t>(bytes)));
    ids.push_back(image->id);
  }
  return ids;
}

int64_t ImageBytesToFree(int64_t disk_bytes, int64_t available_bytes) {
  const int64_t used = disk_bytes - available_bytes;
  if (used < disk_bytes / 100 * kHighPercent) return 0;
  return used - disk_bytes / 100 * kLowPercent;
}

Task<Result<void>> RemoveUnusedImages(PodServices* services) {
  CO_TRY(std::vector<cri::Image> images, co_await services->runtime.ListImages());
  CO_TRY(std::vector<cri::Container> containers, co_await services->runtime.ListContainers({}));
  const WallTime now = services->clock.Now();
  ImageUses uses;
  for (const cri::Image& image : images) uses[image.id] = ImageUse();
  NoteImageUses(uses, images, containers, now);
  for (const std::string& id : PlanImageRemoval(uses, images, std::numeric_limits<int64_t>::max(), now)) {
    LOG_INFO("node", "the disk is full: removing image {}", id);
    Result<void> removed = co_await services->runtime.RemoveImage(id);
    if (!removed) LOG_WARN("node", "cannot remove image {}: {}", id, removed.error());
  }
  co_return Result<void>();
}

Task<void> CollectImages(PodServices* services, CancelToken stop) {
  ImageUses uses;
  while (!stop.Requested()) {
    Result<void> collected = co_await Contained("image garbage", CollectOnce(services, &uses));
    if (!collected) LOG_WARN("node", "cannot collect unused images: {}", collected.error());
    co_await services->clock.Sleep(kPeriod, stop);
  }
}

}  // namespace sampan::node
