// Removes images that no container uses when the disk gets full: the least recently used first, as Kubernetes does.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "async/cancel.h"
#include "async/task.h"
#include "base/error.h"
#include "node/cri/types.h"

namespace sampan::node {

struct PodServices;

struct ImageUse {
  WallTime first_seen, last_used;
};
using ImageUses = std::map<std::string, ImageUse>;  // by image id

// Brings `uses` up to date: images that are new, gone, or used by a container now. Pure.
void NoteImageUses(ImageUses& uses, std::span<const cri::Image> images, std::span<const cri::Container> containers,
                   WallTime now);

// Ids to remove, enough to free `bytes`. Images in use, seen for less than two minutes, or without a digest (imported by
// hand: no registry could give them back) stay. `uses` has been brought up to date with `images`. Pure.
std::vector<std::string> PlanImageRemoval(const ImageUses& uses, std::span<const cri::Image> images, int64_t bytes,
                                          WallTime now);

// What is to be freed to come from above 85% of the disk down to 80%; 0 below.
int64_t ImageBytesToFree(int64_t disk_bytes, int64_t available_bytes);

// All that PlanImageRemoval would ever remove, however young: for a disk that is full.
Task<Result<void>> RemoveUnusedImages(PodServices* services);

// Looks every five minutes until `stop`.
Task<void> CollectImages(PodServices* services, CancelToken stop);

}  // namespace sampan::node
