#include "api/defaults/rules.h"

namespace sampan::api::defaults {
namespace {

void Affinity(json::Object& spec) {
  std::string_view affinity = StringAt(spec, "sessionAffinity");
  if (affinity == "None") spec.erase("sessionAffinityConfig");
  if (affinity != "ClientIP") return;
  json::Value& config = spec["sessionAffinityConfig"];
  if (config.is_null()) config.emplace_object();
  if (!config.is_object()) return;
  json::Value& client = config.get_object()["clientIP"];
  if (client.is_null()) client.emplace_object();
  if (client.is_object()) Default(client.get_object(), "timeoutSeconds", 10800);  // three hours
}

void Ports(json::Object& spec) {
  json::Array* ports = ArrayAt(spec, "ports");
  if (ports == nullptr) return;
  for (json::Value& item : *ports) {
    json::Object* port = item.if_object();
    if (port == nullptr) continue;
    const json::Value* target = port->if_contains("targetPort");
    bool zero = target != nullptr && target->is_int64() && target->get_int64() == 0;
    const json::Value* own = port->if_contains("port");
    if ((Unset(*port, "targetPort") || zero) && own != nullptr) (*port)["targetPort"] = json::Value(*own);
  }
}

}  // namespace

void Service(json::Object& object) {
  json::Object* spec = ObjectAt(object, "spec");
  if (spec == nullptr) return;
  Affinity(*spec);
  Ports(*spec);
  std::string_view type = StringAt(*spec, "type");
  bool external = type == "NodePort" || type == "LoadBalancer";
  if (external) Default(*spec, "externalTrafficPolicy", "Cluster");
  if (external || type == "ClusterIP") Default(*spec, "internalTrafficPolicy", "Cluster");
  if (type == "LoadBalancer") Default(*spec, "allocateLoadBalancerNodePorts", true);
}

}  // namespace sampan::api::defaults
