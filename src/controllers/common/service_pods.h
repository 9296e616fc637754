// Which pods stand behind a Service: what the Endpoints and the EndpointSlice controller share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controllers/common/controller.h"
#include "controllers/common/objects.h"

namespace sampan::controllers {

using ServicePtr = client::TypedPtr<api::core::Service>;

// What the facts below are published as: a pod behind a service, apart from its ports.
struct Backend {
  PodPtr pod;
  bool ready = false;    // takes new connections
  bool serving = false;  // would answer
  bool terminating = false;
};
// Pods without an address and finished ones are behind nothing.
bool IsBackend(const api::core::Pod& pod);
Backend MakeBackend(const ServicePtr& service, const PodPtr& pod);

// The pod's ports that the service's ports lead to, in their order; nothing where the pod has no port of that name. In time
// that grows with the sum of the ports, not with their product.
using ResolvedPorts = std::vector<std::optional<int32_t>>;
ResolvedPorts ResolvePorts(const std::vector<api::core::ServicePort>& ports, const api::core::Pod& pod);

// The pod's name in the service's domain; empty unless the pod asks for one.
std::string HostnameIn(const ServicePtr& service, const PodPtr& pod);

// The pod's address of a family ("IPv4", "IPv6"); empty when it has none.
std::string AddressOf(const api::core::Pod& pod, std::string_view family);

inline bool IsHeadless(const api::core::Service& service) {
  return service.spec.cluster_ip == "None";
}

// Whether the change can alter what services publish of the pod.
bool AltersBackend(const PodPtr& before, const PodPtr& after);

// A controller that syncs one service, by its key, whenever the service or one of its pods changes.
class ServicePodsController : public KeyedController {
 protected:
  // `delay`: how long changes of pods are gathered before the service is synced.
  ServicePodsController(World world, Options options, Duration delay)
      : KeyedController(world, std::move(options)), delay_(delay) {}

  void Subscribe() override;
  // The pods that the service selects; empty for a service without selector. O(result) but for very common labels.
  std::vector<PodPtr> Selected(const ServicePtr& service) const;

  client::Informer<api::core::Service> services_;
  client::Informer<api::core::Pod> pods_;

 private:
  void QueueSelecting(const api::Object& pod);

  const Duration delay_;
};

}  // namespace sampan::controllers
