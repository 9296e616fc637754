#include "node/registration/node_object.h"

#include <algorithm>

namespace sampan::node {
namespace {

using namespace api::core;

constexpr std::string_view kVersion = "v1.36.0";  // of the API that is spoken
constexpr size_t kMaxImages = 50;
constexpr size_t kMaxNames = 5;  // of one image

WallTime Seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time);
}

struct Verdict {
  std::string_view type;
  bool status;
  std::string_view reason;
  std::string message;
};

void SetCondition(NodeStatus& out, const NodeStatus& before, Verdict verdict, WallTime now) {
  NodeCondition condition;
  condition.type = verdict.type;
  condition.status = verdict.status ? "True" : "False";
  condition.reason = verdict.reason;
  condition.message = std::move(verdict.message);
  condition.last_heartbeat_time = Seconds(now);
  condition.last_transition_time = Seconds(now);
  auto old = std::ranges::find(before.conditions, condition.type, &NodeCondition::type);
  if (old != before.conditions.end() && old->status == condition.status && old->last_transition_time) {
    condition.last_transition_time = old->last_transition_time;
  }
  out.conditions.push_back(std::move(condition));
}

std::vector<ContainerImage> Images(const std::vector<cri::Image>& images) {
  std::vector<ContainerImage> out;
  for (const cri::Image& image : images) {
    ContainerImage one;
    one.names = image.digests;
    one.names.insert(one.names.end(), image.tags.begin(), image.tags.end());
    if (one.names.size() > kMaxNames) one.names.resize(kMaxNames);
    one.size_bytes = static_cast<int64_t>(image.size_bytes);
    if (!one.names.empty()) out.push_back(std::move(one));
  }
  std::ranges::sort(out, [](const ContainerImage& a, const ContainerImage& b) {
    return a.size_bytes != b.size_bytes ? a.size_bytes > b.size_bytes : a.names < b.names;
  });
  if (out.size() > kMaxImages) out.resize(kMaxImages);
  return out;
}

}  // namespace

Pressure PressureOf(const MachineUsage& usage) {
  Pressure pressure;
  pressure.memory = usage.memory_available_bytes < (100 << 20);
  pressure.disk =
      usage.disk_available_bytes < usage.disk_bytes / 10 || (usage.inodes > 0 && usage.inodes_free < usage.inodes / 20);
  pressure.pids = usage.max_processes > 0 && usage.processes > usage.max_processes - usage.max_processes / 20;
  return pressure;
}

api::StringMap NodeLabels(const NodeFacts& facts) {
  api::StringMap labels;
  for (const auto& [key, value] : facts.identity.labels) labels[key] = value;
  labels["kubernetes.io/hostname"] = facts.identity.name;
  labels["kubernetes.io/os"] = "linux";
  labels["kubernetes.io/arch"] = facts.machine.architecture;
  labels["beta.kubernetes.io/os"] = "linux";
  labels["beta.kubernetes.io/arch"] = facts.machine.architecture;
  if (facts.identity.control_plane) labels["node-role.kubernetes.io/control-plane"] = "";
  return labels;
}

Node BuildNode(const NodeFacts& facts) {
  Node node;
  node.metadata.name = facts.identity.name;
  node.metadata.labels = NodeLabels(facts);
  node.status = BuildNodeStatus(facts, {});
  return node;
}

NodeStatus BuildNodeStatus(const NodeFacts& facts, const NodeStatus& before) {
  NodeStatus out = before;
  const Machine& machine = facts.machine;
  out.capacity["cpu"] = api::Quantity::OfMilli(machine.milli_cpu);
  out.capacity["memory"] = api::Quantity::Of(machine.memory_bytes / 1024 * 1024, api::Quantity::Format::kBinarySI);
  out.capacity["ephemeral-storage"] = api::Quantity::Of(machine.disk_bytes / 1024 * 1024, api::Quantity::Format::kBinarySI);
  out.capacity["pods"] = api::Quantity::Of(facts.identity.max_pods);
  out.allocatable = out.capacity;
  // What eviction keeps free is not for pods.
  out.allocatable["memory"] -= api::Quantity::Of(100 << 20, api::Quantity::Format::kBinarySI);
  out.allocatable["ephemeral-storage"] = api::Quantity::Of(machine.disk_bytes / 10 * 9);
  out.addresses = {NodeAddress{"InternalIP", facts.identity.ip}, NodeAddress{"Hostname", facts.identity.name}};
  out.daemon_endpoints.Ensure().kubelet_endpoint = DaemonEndpoint{facts.identity.port};
  NodeSystemInfo info;
  info.machine_id = machine.machine_id;
  info.system_uuid = machine.system_uuid;
  info.boot_id = machine.boot_id;
  info.kernel_version = machine.kernel;
  info.os_image = machine.os_image;
  info.container_runtime_version = facts.runtime.name + "://" + facts.runtime.version;
  info.kubelet_version = kVersion;
  info.kube_proxy_version = kVersion;
  info.operating_system = "linux";
  info.architecture = machine.architecture;
  out.node_info = std::move(info);
  out.images = Images(facts.images);

  out.conditions.clear();
  const Pressure& pressure = facts.pressure;
  const WallTime now = facts.now;
  SetCondition(
      out, before,
      pressure.memory
          ? Verdict{"MemoryPressure", true, "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"}
          : Verdict{"MemoryPressure", false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"},
      now);
  SetCondition(out, before,
               pressure.disk ? Verdict{"DiskPressure", true, "KubeletHasDiskPressure", "kubelet has disk pressure"}
                             : Verdict{"DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
               now);
  SetCondition(out, before,
               pressure.pids
                   ? Verdict{"PIDPressure", true, "KubeletHasInsufficientPID", "kubelet has insufficient PID available"}
                   : Verdict{"PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
               now);
  SetCondition(out, before,
               facts.not_ready.empty() ? Verdict{"Ready", true, "KubeletReady", "kubelet is posting ready status"}
                                       : Verdict{"Ready", false, "KubeletNotReady", facts.not_ready},
               now);
  for (const NodeCondition& condition : before.conditions) {
    if (std::ranges::find(out.conditions, condition.type, &NodeCondition::type) == out.conditions.end()) {
      out.conditions.push_back(condition);
    }
  }
  return out;
}

bool SameButHeartbeats(const NodeStatus& a, const NodeStatus& b) {
  NodeStatus left = a, right = b;
  for (NodeStatus* status : {&left, &right}) {
    for (NodeCondition& condition : status->conditions) condition.last_heartbeat_time.reset();
  }
  return left == right;
}

}  // namespace sampan::node
