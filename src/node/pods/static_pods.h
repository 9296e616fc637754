// Static pods: manifests in a directory of the node, run whether or not the API can be reached. Each is shown in the API by
// a mirror pod, which carries its status and changes nothing about it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/types/core.h"
#include "base/error.h"

namespace sampan::node {

using StaticPod = std::shared_ptr<const api::core::Pod>;

// The pod of a manifest in YAML or JSON, as a pod of this node: "web" becomes "web-NODE". Its uid is a hash of both, so that
// a changed manifest is another pod. Invalid or BadRequest for what is no valid pod, or refers to objects of the API. Pure.
Result<StaticPod> StaticPodOf(std::string_view manifest, const std::string& node_name);

// The manifests of a directory, hidden files left out. A faulty one is logged and left out; an error when the directory
// itself cannot be read, of which an absent one is none. Blocks.
Result<std::vector<StaticPod>> ReadStaticPods(const std::string& dir, const std::string& node_name);

// The hash of the static pod that a pod of the API mirrors; empty for an ordinary pod. Pure.
std::string_view MirrorHash(const api::core::Pod& pod);

// The mirror to be created for a static pod, owned by its node. Pure.
json::Value MirrorOf(const api::core::Pod& pod, const std::string& node_uid);

}  // namespace sampan::node
