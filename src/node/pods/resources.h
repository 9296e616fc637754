// Requests and limits as the kernel takes them. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "api/types/core.h"
#include "node/cri/types.h"
#include "os/cgroup.h"

namespace sampan::node {

enum class QosClass : unsigned char { kGuaranteed, kBurstable, kBestEffort };
QosClass QosOf(const api::core::PodSpec& spec);
std::string_view QosName(QosClass qos);  // "Guaranteed"

int64_t CpuShares(int64_t milli_cpu);             // 2..262144; 1 CPU is 1024
int64_t CpuQuotaMicroseconds(int64_t milli_cpu);  // per 100 ms; 0 for no limit, at least 1 ms

cri::ContainerResources ContainerResourcesOf(const api::core::PodSpec& spec, const api::core::Container& container,
                                             int64_t node_memory_bytes);

// The more memory a burstable container asked for, the later the kernel kills it.
int64_t OomScoreOf(QosClass qos, int64_t memory_request_bytes, int64_t node_memory_bytes);

// "/kubepods/burstable/pod<uid>"; guaranteed pods are directly below /kubepods.
std::string PodCgroup(QosClass qos, const std::string& uid);
os::CgroupLimits PodCgroupLimits(const api::core::PodSpec& spec);

// The sum over containers, init containers counted as the scheduler does. `resource` is "cpu" (milli) or "memory" (bytes).
int64_t PodRequest(const api::core::PodSpec& spec, std::string_view resource);

}  // namespace sampan::node
