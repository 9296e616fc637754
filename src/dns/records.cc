#include "dns/records.h"

#include <algorithm>

namespace sampan::dns {

namespace {

using api::core::Service;
using api::discovery::Endpoint;
using api::discovery::EndpointSlice;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return lower;
}

std::string ProtocolOf(std::string_view protocol) {
  return protocol.empty() ? "tcp" : Lower(protocol);
}

// "10-244-0-3", "fd00--1"
std::string Dashed(std::string text) {
  for (char& c : text) c = c == '.' || c == ':' ? '-' : c;
  return text;
}

std::vector<IpAddress> ClusterIpsOf(const Service& service) {
  std::vector<std::string> texts = service.spec.cluster_ips;
  if (texts.empty()) texts.push_back(service.spec.cluster_ip);
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) {
    std::optional<IpAddress> address = IpAddress::Parse(text);
    if (address) addresses.push_back(*address);
  }
  return addresses;
}

void AddEndpoints(const EndpointSlice& slice, std::vector<EndpointRecord>& records) {
  std::vector<PortRecord> all;
  for (const auto& port : slice.ports) {
    if (port.port) all.push_back({port.name, ProtocolOf(port.protocol), static_cast<uint16_t>(*port.port)});
  }
  const SharedPorts ports(std::move(all));
  for (const Endpoint& endpoint : slice.endpoints) {
    if (endpoint.conditions && !endpoint.conditions->ready.value_or(true)) continue;
    for (const std::string& text : endpoint.addresses) {
      std::optional<IpAddress> address = IpAddress::Parse(text);
      if (!address) continue;
      std::string hostname = endpoint.hostname.empty() ? Dashed(text) : Lower(endpoint.hostname);
      records.push_back({std::move(hostname), *address, ports});
    }
  }
}

}  // namespace

std::optional<ServiceRecord> RecordOf(const Service& service, std::span<const EndpointSlice* const> slices) {
  ServiceRecord record;
  if (service.spec.type == "ExternalName") {
    record.external_name = Lower(service.spec.external_name);
    while (record.external_name.ends_with('.')) record.external_name.pop_back();
    if (record.external_name.empty()) return std::nullopt;
    return record;
  }
  if (service.spec.cluster_ip == "None") {
    for (const EndpointSlice* slice : slices) AddEndpoints(*slice, record.endpoints);
    auto by_address = [](const EndpointRecord& a, const EndpointRecord& b) {
      std::less<const void*> before;
      if (a.address != b.address || a.hostname != b.hostname) {
        return std::tie(a.address, a.hostname) < std::tie(b.address, b.hostname);
      }
      return before(a.ports.identity(), b.ports.identity());
    };
    std::sort(record.endpoints.begin(), record.endpoints.end(), by_address);
    // A pod may be in two slices while one replaces the other.
    record.endpoints.erase(std::unique(record.endpoints.begin(), record.endpoints.end()), record.endpoints.end());
    return record;
  }
  record.cluster_ips = ClusterIpsOf(service);
  if (record.cluster_ips.empty()) return std::nullopt;
  for (const auto& port : service.spec.ports) {
    record.ports.push_back({port.name, ProtocolOf(port.protocol), static_cast<uint16_t>(port.port)});
  }
  return record;
}

}  // namespace sampan::dns
