// volumeMounts.subPath: one file or directory of a volume, which its containers may fill with links that lead anywhere.
#pragma once

#include <string>

#include "base/error.h"

namespace sampan::node {

// Binds `root`/`sub_path` at `target`, made when absent (as a directory). Links are followed within `root` only: whatever a
// container puts there, no path of the host is reached. BadRequest for a path with "..". Blocks.
Result<void> BindSubPath(const std::string& root, const std::string& sub_path, const std::string& target);

}  // namespace sampan::node
