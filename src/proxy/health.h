// Tells load balancers which nodes have endpoints of a service: the port spec.healthCheckNodePort of services whose
// external traffic policy is Local answers with their number here, in kube-proxy's form.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "async/task.h"

namespace sampan {
class IoLoops;
}

namespace sampan::proxy {

struct HealthCheck {
  std::string namespace_;
  std::string service;
  size_t local_endpoints = 0;  // ready ones of this node; none makes the port answer 503
  bool operator==(const HealthCheck&) const = default;
};

enum class ProxyHealth : unsigned char { kWorking, kFailing };  // kFailing makes every port answer 503

// Calls must not overlap.
class HealthPorts {
 public:
  virtual ~HealthPorts() = default;  // after Stop
  // Answers on these ports and on no others from now on. What cannot be listened on is logged and tried again by the
  // next call.
  virtual Task<void> Set(std::map<uint16_t, HealthCheck> checks, ProxyHealth proxy) = 0;
  virtual Task<void> Stop() = 0;
  virtual bool Listening(uint16_t port) const = 0;
};

// On all addresses of the host. `loops` outlive it.
std::unique_ptr<HealthPorts> NewHealthPorts(IoLoops& loops);

// The body of an answer.
std::string HealthText(const HealthCheck& check, ProxyHealth proxy);

}  // namespace sampan::proxy
