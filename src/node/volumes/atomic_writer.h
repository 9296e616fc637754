// Writes a volume's files so that readers see all old or all new content, by the layout that Kubernetes users rely on:
//
//   <dir>/..2026_01_02_03_04_05.123456/app.conf    the files
//   <dir>/..data -> ..2026_01_02_03_04_05.123456    swapped as one step
//   <dir>/app.conf -> ..data/app.conf
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "node/volumes/payload.h"

namespace sampan::node {

// Does nothing when the files are as in `payload` already. `group` (fsGroup) gets to own and read everything. BadRequest for
// a path that leaves the directory. Blocks.
Result<void> WriteVolume(const std::string& dir, const VolumePayload& payload, std::optional<int64_t> group, WallTime now);

}  // namespace sampan::node
