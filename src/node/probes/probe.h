// Probes and lifecycle hooks: asks a container how it is, or tells it something, by exec, HTTP, TCP or
// gRPC.
#pragma once

#include <string>

#include "api/types/core.h"
#include "async/io_loop.h"
#include "async/task.h"
#include "net/grpc_call.h"
#include "node/cri/runtime.h"

namespace sampan::node {

struct ProbeDeps {
  cri::Runtime& runtime;
  IoLoops& loops;
};

struct ProbeTarget {
  std::string container_id;
  std::string pod_ip;
  const api::core::Container* container = nullptr;  // named ports are looked up there; outlives the task
};

struct ProbeOutcome {
  bool ok = false;
  std::string output;  // what went wrong, as events show it: UTF-8, 10 KiB at the most
};

// An error when it could not be asked at all: that tells nothing of the container. `deps` and `probe` outlive the task. How
// long it takes is up to the pod: `stop` gives it up.
Task<Result<ProbeOutcome>> RunProbe(const ProbeDeps* deps, const api::core::Probe* probe, ProbeTarget target,
                                    CancelToken stop);

// The error's message is for the event. `handler` outlives the task. Sleep handlers are the caller's.
Task<Result<void>> RunHook(const ProbeDeps* deps, const api::core::LifecycleHandler* handler, ProbeTarget target,
                           Duration timeout, CancelToken stop);

// Counts outcomes against the thresholds. Pure.
class ProbeCounter {
 public:
  explicit ProbeCounter(const api::core::Probe& probe);
  // The verdict once as many outcomes in a row agree as the threshold asks; nothing before.
  std::optional<bool> Observe(bool ok);

 private:
  int success_threshold_, failure_threshold_;
  bool last_ = false;
  int run_ = 0;  // outcomes like the last one in a row
};

// The health protocol of gRPC (grpc.health.v1): its request, and what the answer means. Pure.
std::string HealthRequest(std::string_view service);
ProbeOutcome HealthOutcome(const net::GrpcAnswer& answer);

Result<uint16_t> ResolvePort(const api::IntOrString& port, const api::core::Container& container);

}  // namespace sampan::node
