// The image of the process that holds a pod's namespaces, carried in this binary: a node needs no registry to start.
#pragma once

#include <string_view>

namespace sampan::node {

inline constexpr std::string_view kPauseImage = "sampan.local/pause:1";

// An OCI layout in a tar, as `ctr images import` takes it.
std::string_view PauseImageTar();

}  // namespace sampan::node
