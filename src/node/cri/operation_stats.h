// How often the runtime was asked for what, and how long it took: the part of a pod's start that is not ours.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "base/time.h"

namespace sampan::cri {

// Thread-safe.
class OperationStats {
 public:
  enum class Outcome : bool { kError, kSuccess };
  void Observe(std::string_view operation, Duration took, Outcome outcome);

  // As the kubelet's metrics are named: kubelet_runtime_operations_duration_seconds and its companions, in the text format
  // of Prometheus.
  std::string MetricsText() const;

 private:
  static constexpr size_t kBuckets = 14;  // 5 ms times 2.5 each
  struct Operation {
    std::array<uint64_t, kBuckets> buckets{};  // not cumulative
    uint64_t count = 0, errors = 0;
    Duration sum{0};
  };
  Guarded<std::map<std::string, Operation, std::less<>>> operations_;
};

// "run_podsandbox" of "RunPodSandboxRequest".
std::string OperationName(std::string_view request);

}  // namespace sampan::cri
