#include "node/server/resource_metrics.h"

#include <map>

#include <fmt/format.h>

#include "codec/json.h"
#include "node/pods/state.h"
#include "os/proc.h"

namespace sampan::node {
namespace {

std::string Label(const cri::ContainerStats& stats, std::string_view key) {
  auto found = stats.labels.find(std::string(key));
  return found == stats.labels.end() ? std::string() : found->second;
}

std::string Labels(const cri::ContainerStats& stats) {
  return fmt::format(R"({{container="{}",namespace="{}",pod="{}"}})", stats.name, Label(stats, labels::kPodNamespace),
                     Label(stats, labels::kPodName));
}

}  // namespace

NodeUsage ReadNodeUsage() {
  NodeUsage usage;
  if (auto cpu = os::ReadCpuTimes()) usage.cpu_nanoseconds = cpu->user_nanoseconds + cpu->system_nanoseconds;
  if (auto memory = os::ReadMemInfo()) {
    usage.memory_available_bytes = memory->available_bytes;
    usage.memory_working_set_bytes = memory->total_bytes - memory->available_bytes;
  }
  return usage;
}

std::string ResourceMetricsText(const NodeUsage& node, const std::vector<cri::ContainerStats>& containers) {
  std::string out;
  auto head = [&](std::string_view name, std::string_view type, std::string_view help) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  };
  head("node_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the node in core-seconds");
  out += fmt::format("node_cpu_usage_seconds_total {}\n", static_cast<double>(node.cpu_nanoseconds) / 1e9);
  head("node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes");
  out += fmt::format("node_memory_working_set_bytes {}\n", node.memory_working_set_bytes);
  head("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the container in core-seconds");
  for (const cri::ContainerStats& one : containers) {
    out +=
        fmt::format("container_cpu_usage_seconds_total{} {}\n", Labels(one), static_cast<double>(one.cpu_nanoseconds) / 1e9);
  }
  head("container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes");
  for (const cri::ContainerStats& one : containers) {
    out += fmt::format("container_memory_working_set_bytes{} {}\n", Labels(one), one.memory_working_set_bytes);
  }
  return out;
}

std::string SummaryJson(const std::string& node_name, const NodeUsage& node,
                        const std::vector<cri::ContainerStats>& containers, WallTime now) {
  std::map<std::string, json::Object> pods;
  for (const cri::ContainerStats& one : containers) {
    const std::string uid = Label(one, labels::kPodUid);
    json::Object& pod = pods[uid];
    if (pod.empty()) {
      pod["podRef"] = json::Object{
          {"name", Label(one, labels::kPodName)}, {"namespace", Label(one, labels::kPodNamespace)}, {"uid", uid}};
      pod["containers"] = json::Array();
    }
    pod["containers"].as_array().push_back(json::Object{
        {"name", one.name},
        {"cpu", json::Object{{"time", FormatTime(one.cpu_time)}, {"usageCoreNanoSeconds", one.cpu_nanoseconds}}},
        {"memory", json::Object{{"time", FormatTime(one.memory_time)}, {"workingSetBytes", one.memory_working_set_bytes}}},
        {"rootfs", json::Object{{"usedBytes", one.writable_layer_bytes}}}});
  }
  json::Array list;
  for (auto& [uid, pod] : pods) list.push_back(std::move(pod));
  return json::Serialize(json::Object{
      {"node", json::Object{{"nodeName", node_name},
                            {"cpu", json::Object{{"time", FormatTime(now)}, {"usageCoreNanoSeconds", node.cpu_nanoseconds}}},
                            {"memory", json::Object{{"time", FormatTime(now)},
                                                    {"availableBytes", node.memory_available_bytes},
                                                    {"workingSetBytes", node.memory_working_set_bytes}}}}},
      {"pods", std::move(list)}});
}

}  // namespace sampan::node
