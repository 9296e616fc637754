#include "scheduler/pod_info.h"

namespace sampan::scheduler {
namespace {

constexpr char kAllAddresses[] = "0.0.0.0";

void AddPorts(const std::vector<api::core::Container>& containers, bool host_network, std::vector<HostPort>& out) {
  for (const api::core::Container& container : containers) {
    for (const api::core::ContainerPort& port : container.ports) {
      int32_t number = port.host_port.value_or(host_network ? port.container_port : 0);
      if (number <= 0) continue;
      out.push_back(
          {port.host_ip.empty() ? kAllAddresses : port.host_ip, port.protocol.empty() ? "TCP" : port.protocol, number});
    }
  }
}

}  // namespace

PodInfo::PodInfo(PodPtr pod) : pod(std::move(pod)), spec_(&this->pod->spec) {
  const api::core::PodSpec& spec = *spec_;
  priority = spec.priority.value_or(0);
  requests = RequestsOf(spec);
  scoring = ScoringRequestsOf(spec);
  relations = RelationsOf(*this->pod);
  bool host_network = spec.host_network.value_or(false);
  AddPorts(spec.containers, host_network, host_ports);
  AddPorts(spec.init_containers, host_network, host_ports);
}

bool Collide(const HostPort& a, const HostPort& b) {
  return a.port == b.port && a.protocol == b.protocol && (a.ip == b.ip || a.ip == kAllAddresses || b.ip == kAllAddresses);
}

}  // namespace sampan::scheduler
