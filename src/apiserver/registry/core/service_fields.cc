#include "apiserver/registry/core/service_fields.h"

#include <map>

#include "apiserver/registry/fields.h"

namespace sampan::apiserver {

namespace {

std::string_view Text(const json::Value& spec, std::string_view key, std::string_view fallback = {}) {
  return json::FindString(json::Find(spec, key), fallback);
}

int64_t Number(const json::Value& value, std::string_view key) {
  return FindInt(json::Find(value, key)).value_or(0);
}

std::string_view TypeOf(const json::Value& spec) {
  return Text(spec, "type", "ClusterIP");
}

// What tells a service's ports apart: users may write tens of thousands, which are not searched one by one.
using PortId = std::pair<int64_t, std::string_view>;

PortId IdOf(const json::Value& port) {
  return {Number(port, "port"), Text(port, "protocol", "TCP")};
}

std::map<PortId, int64_t> HeldNodePorts(const json::Value& spec) {
  std::map<PortId, int64_t> held;
  if (const json::Array* ports = FindArray(json::Find(spec, "ports"))) {
    for (const json::Value& port : *ports) held.emplace(IdOf(port), Number(port, "nodePort"));
  }
  return held;
}

void KeepNodePorts(json::Value& spec, const json::Value& old_spec) {
  json::Value* ports = spec.as_object().if_contains("ports");
  if (ports == nullptr || !ports->is_array()) return;
  const std::map<PortId, int64_t> old_ports = HeldNodePorts(old_spec);
  bool needs = NeedsNodePorts(spec), needed = NeedsNodePorts(old_spec);
  for (json::Value& port : ports->as_array()) {
    if (!port.is_object()) continue;
    auto before = old_ports.find(IdOf(port));
    int64_t held = before == old_ports.end() ? 0 : before->second;
    if (held == 0) continue;
    if (needs && needed && Number(port, "nodePort") == 0) port.as_object()["nodePort"] = held;
    if (!needs && TypeOf(spec) != "LoadBalancer" && Number(port, "nodePort") == held) port.as_object().erase("nodePort");
  }
}

// What only types that are reached from outside have goes with the type, as long as the client left it as it was.
void DropExternal(json::Value& spec, const json::Value& old_spec) {
  std::string_view type = TypeOf(spec);
  if (type == "NodePort" || type == "LoadBalancer" || TypeOf(old_spec) == type) return;
  for (std::string_view key : {"externalTrafficPolicy", "allocateLoadBalancerNodePorts", "loadBalancerClass"}) {
    if (SameMember(spec, old_spec, key)) Remove(spec, key);
  }
}

void DropAddress(json::Value& spec, const json::Value& old_spec) {
  for (std::string_view key : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
    if (SameMember(spec, old_spec, key)) Remove(spec, key);
  }
}

}  // namespace

bool NeedsAddress(const json::Value& spec) {
  return TypeOf(spec) != "ExternalName";
}

bool NeedsNodePorts(const json::Value& spec) {
  if (TypeOf(spec) == "NodePort") return true;
  const json::Value* allocate = json::Find(spec, "allocateLoadBalancerNodePorts");
  return TypeOf(spec) == "LoadBalancer" && (allocate == nullptr || FindBool(allocate));
}

bool NeedsHealthCheckPort(const json::Value& spec) {
  return TypeOf(spec) == "LoadBalancer" && Text(spec, "externalTrafficPolicy") == "Local";
}

std::string_view ClusterIpOf(const json::Value& spec) {
  std::string_view address = Text(spec, "clusterIP");
  if (!address.empty()) return address;
  const json::Array* all = FindArray(json::Find(spec, "clusterIPs"));
  return all == nullptr || all->empty() ? std::string_view() : json::FindString(&all->front());
}

std::set<uint32_t> NodePortsOf(const json::Value& spec) {
  std::set<uint32_t> held;
  if (const json::Array* ports = FindArray(json::Find(spec, "ports"))) {
    for (const json::Value& port : *ports) {
      if (int64_t number = Number(port, "nodePort")) held.insert(static_cast<uint32_t>(number));
    }
  }
  if (int64_t number = Number(spec, "healthCheckNodePort")) held.insert(static_cast<uint32_t>(number));
  return held;
}

void FillAddressFields(json::Value& spec) {
  if (!NeedsAddress(spec)) return;
  json::Object& fields = spec.as_object();
  std::string address(ClusterIpOf(spec));
  if (!address.empty()) {
    fields["clusterIP"] = address;
    const json::Array* all = FindArray(json::Find(spec, "clusterIPs"));
    if (all == nullptr || all->empty()) fields["clusterIPs"] = json::Array{json::Value(address)};
  }
  const json::Array* families = FindArray(json::Find(spec, "ipFamilies"));
  if (families == nullptr || families->empty()) fields["ipFamilies"] = json::Array{"IPv4"};
  if (Text(spec, "ipFamilyPolicy").empty()) fields["ipFamilyPolicy"] = "SingleStack";
}

void KeepAllocated(json::Value& spec, const json::Value& old_spec) {
  json::Object& fields = spec.as_object();
  if (!NeedsAddress(spec)) {
    DropAddress(spec, old_spec);
  } else if (NeedsAddress(old_spec)) {
    // A client that names only clusterIP means clusterIPs, too.
    if (!SameMember(spec, old_spec, "clusterIP") && SameMember(spec, old_spec, "clusterIPs") &&
        !Text(spec, "clusterIP").empty()) {
      fields.erase("clusterIPs");
    }
    if (ClusterIpOf(spec).empty()) {
      CopyMember(spec, old_spec, "clusterIP");
      CopyMember(spec, old_spec, "clusterIPs");
    }
    for (std::string_view key : {"ipFamilies", "ipFamilyPolicy"}) {
      if (!fields.contains(key)) CopyMember(spec, old_spec, key);
    }
  }
  DropExternal(spec, old_spec);
  KeepNodePorts(spec, old_spec);
  int64_t held = Number(old_spec, "healthCheckNodePort");
  if (held == 0) return;
  if (NeedsHealthCheckPort(spec) && Number(spec, "healthCheckNodePort") == 0) fields["healthCheckNodePort"] = held;
  if (!NeedsHealthCheckPort(spec) && Number(spec, "healthCheckNodePort") == held) fields.erase("healthCheckNodePort");
}

}  // namespace sampan::apiserver
