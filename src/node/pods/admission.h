// Whether a pod that was given to this node may run here. The scheduler has looked at that; whoever names the node in the
// pod has asked nobody. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "api/types/core.h"
#include "node/cri/types.h"
#include "os/listeners.h"

namespace sampan::node {

struct Rejection {
  std::string reason;  // "OutOfpods", "OutOfcpu" ..., "NodePorts", "SysctlForbidden" ...
  std::string message;
  bool operator==(const Rejection&) const = default;
};

// What it asks for its own isolation and this node cannot give refuses it, too. `others` are the node's pods that have not
// ended. A resource that `allocatable` does not have is not looked at.
std::optional<Rejection> RejectionOf(const api::core::Pod& pod, const api::Map<api::Quantity>& allocatable,
                                     std::span<const api::core::Pod* const> others);

// Of a pod with host ports that the host itself serves: their traffic would go to the pod. Not those at `cluster_dns`, which
// the rules of host ports leave alone.
std::optional<Rejection> HostPortsTaken(std::span<const cri::PortMapping> mappings, std::span<const os::Listener> listeners,
                                        std::string_view cluster_dns);

}  // namespace sampan::node
