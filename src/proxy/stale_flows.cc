#include "proxy/stale_flows.h"

#include <algorithm>

namespace sampan::proxy {

namespace {

const ServicePort* FindPort(std::span<const ServicePort> ports, std::string_view name) {
  auto found = std::find_if(ports.begin(), ports.end(), [&](const ServicePort& port) { return port.name == name; });
  return found == ports.end() ? nullptr : &*found;
}

// Every address and port at which clients reach it.
std::vector<std::pair<std::string, uint16_t>> FrontsOf(const ServicePort& port) {
  std::vector<std::pair<std::string, uint16_t>> fronts = {{port.cluster_ip, port.port}};
  for (const std::string& address : port.external_ips) fronts.emplace_back(address, port.port);
  for (const std::string& address : port.load_balancer_ips) fronts.emplace_back(address, port.port);
  if (port.node_port != 0) fronts.emplace_back("", port.node_port);
  return fronts;
}

}  // namespace

void StaleFlows::NoteGone(const ServicePort& port, const Backend& backend) {
  for (const Service& front : FrontsOf(port)) gone_.emplace(front, backend);
}

void StaleFlows::Note(std::span<const ServicePort> before, std::span<const ServicePort> after) {
  for (const ServicePort& old : before) {
    if (old.protocol != "udp") continue;
    const ServicePort* now = FindPort(after, old.name);
    for (const Backend& backend : old.backends) {
      if (now == nullptr || !std::binary_search(now->backends.begin(), now->backends.end(), backend)) NoteGone(old, backend);
    }
  }
  for (const ServicePort& now : after) {
    if (now.protocol != "udp" || now.backends.empty()) continue;
    const ServicePort* old = FindPort(before, now.name);
    if (old != nullptr && !old->backends.empty()) continue;
    for (const Service& front : FrontsOf(now)) {
      if (!front.first.empty()) untranslated_.insert(front);
    }
  }
}

bool StaleFlows::Contains(const os::Flow& flow) const {
  Service front(flow.destination, flow.destination_port);
  if (flow.reply_source == flow.destination) return untranslated_.contains(front);
  Backend backend{flow.reply_source, flow.reply_source_port};
  return gone_.contains({front, backend}) || gone_.contains({{"", flow.destination_port}, backend});
}

}  // namespace sampan::proxy
