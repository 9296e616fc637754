#include "node/pods/resources.h"

#include <algorithm>

#include "node/pods/amount.h"

namespace sampan::node {
namespace {

using api::core::Container;
using api::core::PodSpec;

constexpr int64_t kPeriodMicroseconds = 100'000;

int64_t Amount(const api::Map<api::Quantity>& resources, std::string_view name) {
  const api::Quantity* quantity = resources.Find(name);
  if (quantity == nullptr) return 0;
  return name == "cpu" ? quantity->MilliValue() : quantity->Value();
}

// A limit without a request is the request.
int64_t Request(const Container& container, std::string_view name) {
  const auto& resources = container.resources.OrEmpty();
  return Amount(resources.requests.contains(name) ? resources.requests : resources.limits, name);
}
int64_t Limit(const Container& container, std::string_view name) {
  return Amount(container.resources.OrEmpty().limits, name);
}

template <class F>
void ForEach(const PodSpec& spec, F f) {
  for (const Container& container : spec.init_containers) f(container);
  for (const Container& container : spec.containers) f(container);
}

bool IsSidecar(const Container& container) {
  return container.restart_policy == "Always";
}

// What all containers together may use at most; 0 when one of them has no limit.
int64_t PodLimit(const PodSpec& spec, std::string_view name) {
  int64_t sidecars = 0, init = 0, sum = 0;
  bool unlimited = false;
  for (const Container& container : spec.init_containers) {
    int64_t limit = Limit(container, name);
    unlimited |= limit == 0;
    if (IsSidecar(container)) {
      sidecars = AddAmounts(sidecars, limit);
      init = std::max(init, sidecars);
    } else {
      init = std::max(init, AddAmounts(sidecars, limit));
    }
  }
  for (const Container& container : spec.containers) {
    int64_t limit = Limit(container, name);
    unlimited |= limit == 0;
    sum = AddAmounts(sum, limit);
  }
  return unlimited ? 0 : std::max(init, AddAmounts(sum, sidecars));
}

}  // namespace

QosClass QosOf(const PodSpec& spec) {
  bool any = false, guaranteed = true;
  ForEach(spec, [&](const Container& container) {
    for (std::string_view name : {"cpu", "memory"}) {
      int64_t request = Request(container, name), limit = Limit(container, name);
      any |= request > 0 || limit > 0;
      guaranteed &= limit > 0 && request == limit;
    }
  });
  if (!any) return QosClass::kBestEffort;
  return guaranteed ? QosClass::kGuaranteed : QosClass::kBurstable;
}

std::string_view QosName(QosClass qos) {
  switch (qos) {
    case QosClass::kGuaranteed:
      return "Guaranteed";
    case QosClass::kBurstable:
      return "Burstable";
    case QosClass::kBestEffort:
      return "BestEffort";
  }
  return "";
}

int64_t CpuShares(int64_t milli_cpu) {
  return std::clamp<int64_t>(ScaleAmount(milli_cpu, 1024, 1000), 2, 262144);
}

int64_t CpuQuotaMicroseconds(int64_t milli_cpu) {
  return milli_cpu == 0 ? 0 : std::max<int64_t>(ScaleAmount(milli_cpu, kPeriodMicroseconds, 1000), 1000);
}

int64_t OomScoreOf(QosClass qos, int64_t memory_request_bytes, int64_t node_memory_bytes) {
  if (qos == QosClass::kGuaranteed) return -997;
  if (qos == QosClass::kBestEffort || node_memory_bytes <= 0) return 1000;
  // Between the guaranteed ones and the best-effort ones, whatever was asked for.
  return std::clamp<int64_t>(1000 - std::clamp<int64_t>(ScaleAmount(memory_request_bytes, 1000, node_memory_bytes), 0, 1000),
                             3, 999);
}

cri::ContainerResources ContainerResourcesOf(const PodSpec& spec, const Container& container, int64_t node_memory_bytes) {
  cri::ContainerResources resources;
  resources.cpu_period_microseconds = kPeriodMicroseconds;
  resources.cpu_quota_microseconds = CpuQuotaMicroseconds(Limit(container, "cpu"));
  resources.cpu_shares = CpuShares(Request(container, "cpu"));
  resources.memory_limit_bytes = Limit(container, "memory");
  resources.oom_score_adj = OomScoreOf(QosOf(spec), Request(container, "memory"), node_memory_bytes);
  return resources;
}

std::string PodCgroup(QosClass qos, const std::string& uid) {
  switch (qos) {
    case QosClass::kGuaranteed:
      break;
    case QosClass::kBurstable:
      return "/kubepods/burstable/pod" + uid;
    case QosClass::kBestEffort:
      return "/kubepods/besteffort/pod" + uid;
  }
  return "/kubepods/pod" + uid;
}

int64_t PodRequest(const PodSpec& spec, std::string_view resource) {
  int64_t sidecars = 0, init = 0, sum = 0;
  for (const Container& container : spec.init_containers) {
    int64_t request = Request(container, resource);
    if (IsSidecar(container)) {
      sidecars = AddAmounts(sidecars, request);
      init = std::max(init, sidecars);
    } else {
      init = std::max(init, AddAmounts(sidecars, request));
    }
  }
  for (const Container& container : spec.containers) sum = AddAmounts(sum, Request(container, resource));
  return AddAmounts(std::max(init, AddAmounts(sum, sidecars)), Amount(spec.overhead, resource));
}

os::CgroupLimits PodCgroupLimits(const PodSpec& spec) {
  os::CgroupLimits limits;
  limits.cpu_shares = static_cast<uint64_t>(CpuShares(PodRequest(spec, "cpu")));
  if (int64_t cpu = PodLimit(spec, "cpu"); cpu > 0) limits.cpu_quota_microseconds = CpuQuotaMicroseconds(cpu);
  if (int64_t memory = PodLimit(spec, "memory"); memory > 0) limits.memory_bytes = memory;
  return limits;
}

}  // namespace sampan::node
