#include "node/simulate/objects.h"

namespace sampan::node::simulate {
namespace {

json::Value Condition(std::string_view type, std::string_view status, std::string_view reason, WallTime now) {
  json::Object condition{{"type", type}, {"status", status}, {"lastTransitionTime", FormatTime(now)}};
  if (!reason.empty()) condition["reason"] = reason;
  return condition;
}

// Everything of it is demanded by the API; what a node that runs nothing does not have is empty.
json::Value NodeInfo() {
  return json::Object{{"machineID", ""},
                      {"systemUUID", ""},
                      {"bootID", ""},
                      {"kernelVersion", "simulated"},
                      {"osImage", "simulated"},
                      {"containerRuntimeVersion", "simulated://1.0"},
                      {"kubeletVersion", "v1.36.0"},
                      {"kubeProxyVersion", ""},
                      {"operatingSystem", "linux"},
                      {"architecture", "amd64"}};
}

}  // namespace

json::Value NodeObject(const SimulationOptions& options, const std::string& name, WallTime now) {
  json::Object resources{{"cpu", options.cpu}, {"memory", options.memory}, {"pods", std::to_string(options.max_pods)}};
  json::Value ready = Condition("Ready", "True", "KubeletReady", now);
  ready.as_object()["lastHeartbeatTime"] = FormatTime(now);
  ready.as_object()["message"] = "simulated node is ready";
  return json::Object{
      {"apiVersion", "v1"},
      {"kind", "Node"},
      {"metadata", json::Object{{"name", name},
                                {"labels", json::Object{{"kubernetes.io/hostname", name},
                                                        {"kubernetes.io/os", "linux"},
                                                        {"kubernetes.io/arch", "amd64"},
                                                        {"sampan.dev/simulated", "true"}}}}},
      {"status", json::Object{{"capacity", resources},
                              {"allocatable", resources},
                              {"conditions", json::Array{std::move(ready)}},
                              {"addresses", json::Array{json::Object{{"type", "Hostname"}, {"address", name}}}},
                              {"nodeInfo", NodeInfo()}}}};
}

json::Value LeaseObject(const std::string& node, WallTime now) {
  return json::Object{
      {"apiVersion", "coordination.k8s.io/v1"},
      {"kind", "Lease"},
      {"metadata", json::Object{{"name", node}, {"namespace", "kube-node-lease"}}},
      {"spec", json::Object{{"holderIdentity", node}, {"leaseDurationSeconds", 40}, {"renewTime", FormatMicroTime(now)}}}};
}

json::Value LeaseRenewal(WallTime now) {
  return json::Object{{"spec", json::Object{{"renewTime", FormatMicroTime(now)}}}};
}

json::Value RunningStatus(const api::core::Pod& pod, uint32_t sequence, WallTime now) {
  // Addresses of 100.64.0.0/10, which is set aside for carriers and collides with nobody's pods.
  std::string address = fmt::format("100.{}.{}.{}", 64 + ((sequence >> 16) & 0x3f), (sequence >> 8) & 0xff, sequence & 0xff);
  json::Array containers;
  for (const auto& container : pod.spec.containers) {
    containers.push_back(json::Object{{"name", container.name},
                                      {"image", container.image},
                                      {"imageID", ""},
                                      {"containerID", "simulated://" + pod.metadata.uid + "/" + container.name},
                                      {"ready", true},
                                      {"started", true},
                                      {"restartCount", 0},
                                      {"state", json::Object{{"running", json::Object{{"startedAt", FormatTime(now)}}}}}});
  }
  json::Array conditions;
  for (std::string_view type : {"Initialized", "Ready", "ContainersReady", "PodScheduled"}) {
    conditions.push_back(Condition(type, "True", "", now));
  }
  return json::Object{{"status", json::Object{{"phase", "Running"},
                                              {"startTime", FormatTime(now)},
                                              {"podIP", address},
                                              {"podIPs", json::Array{json::Object{{"ip", address}}}},
                                              {"conditions", std::move(conditions)},
                                              {"containerStatuses", std::move(containers)}}}};
}

}  // namespace sampan::node::simulate
