// Ends pods that take more of the node's disk than they may: emptyDirs beyond their sizeLimit, containers and pods beyond
// their limits of ephemeral-storage. Nothing on a disk stops a program that writes, so the pod ends afterwards.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/types/core.h"
#include "async/cancel.h"
#include "async/task.h"
#include "node/paths.h"

namespace sampan::node {

class PodManager;
struct PodServices;

// In bytes.
struct DiskUsage {
  std::map<std::string, int64_t> empty_dirs;  // by volume; those in memory have a limit of their own
  std::map<std::string, int64_t> containers;  // by name: logs and writable layers
};

// Whether anything of it is limited.
bool HasDiskLimits(const api::core::PodSpec& spec);

// What the emptyDirs and the logs of the pod take. Looks at a million files at most, each counted as a page at least when
// there are more. Blocks.
DiskUsage MeasureDisk(const Paths& paths, const api::core::Pod& pod);

// Why the pod is to end, in the words of Kubernetes; nothing while it keeps within its limits. Pure.
std::optional<std::string> ExceededDiskLimit(const api::core::PodSpec& spec, const DiskUsage& usage);

// Looks every ten seconds, and less often where that takes long, until `stop`. On the pods' strand; what is borrowed
// outlives it.
Task<void> EnforceDiskLimits(PodServices* services, PodManager* pods, CancelToken stop);

}  // namespace sampan::node
