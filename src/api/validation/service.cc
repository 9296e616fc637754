#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

bool Headless(const View& spec) {
  View ips = spec["clusterIPs"];
  bool none = spec["clusterIP"].Str() == "None";
  ips.ForEach([&](const View& ip) { none |= ip.Str() == "None"; });
  return none;
}

void Port(const View& port, bool named, Causes& causes) {
  View name = port["name"];
  if (named && name.Empty()) causes.Required(name.path());
  CheckName(name, names::Dns1123Label, causes);
  PortNumber(port["port"], causes);
  RequireOneOf(port["protocol"], {"SCTP", "TCP", "UDP"}, causes);
  PortNumberOrName(port["targetPort"], causes);
  CheckName(port["appProtocol"], names::QualifiedName, causes);
}

void Ports(const View& spec, Causes& causes) {
  View ports = spec["ports"];
  std::string_view type = spec["type"].Str();
  if (ports.Empty() && type != "ExternalName" && !Headless(spec)) causes.Required(ports.path());
  std::set<std::string_view> names;
  std::set<std::pair<std::string_view, int64_t>> numbers;
  std::set<std::pair<std::string_view, int64_t>> node_ports;
  ports.ForEach([&](const View& port) {
    Port(port, ports.Size() > 1, causes);
    View name = port["name"];
    if (!name.Empty() && !names.insert(name.Str()).second) causes.Duplicate(name.path(), name.Str());
    std::string_view protocol = port["protocol"].Str();
    if (!numbers.insert({protocol, port["port"].Int()}).second) {
      json::Value shown = {{"port", port["port"].Int()}, {"protocol", boost::json::string_view(protocol)}};
      causes.Duplicate(port.path(), shown);
    }
    View node_port = port["nodePort"];
    if (node_port.Int() == 0) return;
    if (type == "ClusterIP" || type == "ExternalName") {
      causes.Forbidden(node_port.path(), fmt::format("may not be used when `type` is '{}'", type));
    } else {
      PortNumber(node_port, causes);
    }
    if (!node_ports.insert({protocol, node_port.Int()}).second) causes.Duplicate(node_port.path(), node_port.Int());
  });
}

void SessionAffinity(const View& spec, Causes& causes) {
  View affinity = spec["sessionAffinity"];
  RequireOneOf(affinity, {"ClientIP", "None"}, causes);
  View config = spec["sessionAffinityConfig"];
  View client = config["clientIP"];
  View timeout = client["timeoutSeconds"];
  if (affinity.Str() == "None") {
    if (config.Present()) {
      causes.Forbidden(config.path(), "must not be set when session affinity is None");
    }
  } else if (timeout.Present() && (timeout.Int() <= 0 || timeout.Int() > 86400)) {
    causes.Invalid(timeout.path(), timeout.Int(), "must be greater than 0 and less than 86400");
  }
}

void Addresses(const View& spec, Causes& causes) {
  std::string_view type = spec["type"].Str();
  View ips = spec["clusterIPs"];
  View ip = spec["clusterIP"];
  if (type == "ExternalName") {
    if (!ips.Empty() || !ip.Empty()) causes.Forbidden(ips.path(), "may not be set for ExternalName services");
  } else {
    View first_ip(ip.Raw(), Path(ips.path(), size_t{0}));
    if (!ip.Empty() && ip.Str() != "None") CheckName(first_ip, names::IpAddress, causes);
    if (Headless(spec) && (type == "NodePort" || type == "LoadBalancer")) {
      causes.Invalid(ips.path(), "None", fmt::format("may not be set to 'None' for {} services", type));
    }
    View first(ips.Size() > 0 ? &ips.Raw()->get_array()[0] : nullptr, Path(ips.path(), size_t{0}));
    if (!ips.Empty() && first.Str() != ip.Str()) {
      causes.Invalid(ips.path(), ips.Value(), "first value must match `clusterIP`");
    }
  }
  View external = spec["externalIPs"];
  external.ForEach([&](const View& address) { ReachableIp(address, causes); });
  View ranges = spec["loadBalancerSourceRanges"];
  if (!ranges.Empty() && type != "LoadBalancer") {
    causes.Forbidden(ranges.path(), "may only be used when `type` is 'LoadBalancer'");
  }
  ranges.ForEach([&](const View& range) {
    if (auto fault = names::Cidr(range.Str())) causes.Invalid(range.path(), range.Str(), *fault);
  });
  View balancer = spec["loadBalancerClass"];
  if (!balancer.Empty() && type != "LoadBalancer") {
    causes.Forbidden(balancer.path(), "may only be used when `type` is 'LoadBalancer'");
  } else {
    CheckName(balancer, names::QualifiedName, causes);
  }
  OneOf(spec["trafficDistribution"], {"PreferClose", "PreferSameZone", "PreferSameNode"}, causes);
  View families = spec["ipFamilies"];
  families.ForEach([&](const View& family) { OneOf(family, {"IPv4", "IPv6"}, causes); });
  OneOf(spec["ipFamilyPolicy"], {"PreferDualStack", "RequireDualStack", "SingleStack"}, causes);
}

void TrafficPolicies(const View& spec, Causes& causes) {
  std::string_view type = spec["type"].Str();
  bool external_type = type == "NodePort" || type == "LoadBalancer";
  View external = spec["externalTrafficPolicy"];
  if (!external.Empty() && !external_type && spec["externalIPs"].Empty()) {
    causes.Invalid(external.path(), external.Str(), "may only be set for externally-accessible services");
  }
  OneOf(external, {"Cluster", "Local"}, causes);
  OneOf(spec["internalTrafficPolicy"], {"Cluster", "Local"}, causes);
  View health = spec["healthCheckNodePort"];
  if (health.Int() != 0 && (type != "LoadBalancer" || external.Str() != "Local")) {
    causes.Invalid(health.path(), health.Int(),
                   "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
  }
  View allocate = spec["allocateLoadBalancerNodePorts"];
  if (allocate.Present() && type != "LoadBalancer") {
    causes.Forbidden(allocate.path(), "may only be used when `type` is 'LoadBalancer'");
  }
}

}  // namespace

void Service(const View& object, Causes& causes) {
  View spec = object["spec"];
  View type = spec["type"];
  RequireOneOf(type, {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"}, causes);
  Ports(spec, causes);
  if (type.Str() == "ExternalName") {
    View name = spec["externalName"];
    std::string_view text = name.Str();
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.empty()) {
      causes.Required(name.path());
    } else if (auto fault = names::Dns1123Subdomain(text)) {
      causes.Invalid(name.path(), text, *fault);
    }
  }
  CheckLabels(spec["selector"], causes);
  SessionAffinity(spec, causes);
  Addresses(spec, causes);
  TrafficPolicies(spec, causes);
}

void ServiceStatus(const View& object, const View&, Causes& causes) {
  View spec = object["spec"];
  View status = object["status"];
  View balancer = status["loadBalancer"];
  View ingress = balancer["ingress"];
  if (!ingress.Empty() && spec["type"].Str() != "LoadBalancer") {
    return causes.Forbidden(ingress.path(), "may only be used when `spec.type` is 'LoadBalancer'");
  }
  ingress.ForEach([&](const View& entry) {
    CheckName(entry["ip"], names::IpAddress, causes);
    CheckName(entry["hostname"], names::Dns1123Subdomain, causes);
  });
}

void ServiceUpdate(const View& object, const View& old, Causes& causes) {
  View spec = object["spec"];
  View old_spec = old["spec"];
  if (spec["type"].Str() == "ExternalName" || old_spec["type"].Str() == "ExternalName") return;
  View ip = spec["clusterIP"];
  View old_ip = old_spec["clusterIP"];
  if (old_ip.Empty() || ip.Str() == old_ip.Str()) return;
  View ips = spec["clusterIPs"];
  json::Value shown = ips.Empty() ? json::Value(json::Array{json::Value(boost::json::string_view(ip.Str()))}) : ips.Value();
  causes.Invalid(Path(ips.path(), size_t{0}), shown,
                 ip.Empty() ? "primary clusterIP can not be unset" : "may not change once set");
}

}  // namespace sampan::api::rules
