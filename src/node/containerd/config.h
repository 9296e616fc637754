// The configuration file of the containerd that Sampan runs.
#pragma once

#include <string>

#include "node/paths.h"

namespace sampan::node {

enum class OomScoreAdj : bool { kFree, kRestricted };  // kRestricted: this process may not lower it

struct ContainerdConfigOptions {
  Paths paths;
  std::string cni_bin_dir = "/usr/lib/cni";
  std::string cni_conf_dir;
  std::string sandbox_image;
  OomScoreAdj oom_score_adj = OomScoreAdj::kFree;
};

std::string ContainerdConfigText(const ContainerdConfigOptions& options);

}  // namespace sampan::node
