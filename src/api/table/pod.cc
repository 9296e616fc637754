#include "api/table/printers.h"

namespace sampan::api::printers {
namespace {

constexpr Column kPodColumns[] = {
    kName,
    {"Ready", "string", "Containers that are ready, of all"},
    {"Status", "string", "What the pod is doing, or why it is not"},
    {"Restarts", "string", "How often its containers were restarted, and when last"},
    kAge,
    {"IP", "string", "The pod's address", 1},
    {"Node", "string", "The node that the pod is bound to", 1},
    {"Nominated Node", "string", "The node on which room is being made for the pod", 1},
    {"Readiness Gates", "string", "Readiness gates that are passed, of all", 1},
};

struct Summary {
  std::string reason;
  int64_t restarts = 0;
  int64_t ready = 0;
  size_t total = 0;
  std::string_view last_restart;  // when the container that restarted last had ended

  void CountRestart(const json::Value& status) {
    restarts += Number(status, "restartCount");
    last_restart = std::max(last_restart, Text(status, "lastState", "terminated", "finishedAt"));
  }
};

bool Condition(const json::Value& pod, std::string_view type) {
  for (const json::Value& condition : List(pod, "status", "conditions")) {
    if (Text(condition, "type") == type) return Text(condition, "status") == "True";
  }
  return false;
}

// Why a container ended: its reason, or else the signal or the exit code.
std::string Ended(const json::Value& terminated) {
  std::string_view reason = Text(terminated, "reason");
  if (!reason.empty()) return std::string(reason);
  if (int64_t signal = Number(terminated, "signal"); signal != 0) return fmt::format("Signal:{}", signal);
  return fmt::format("ExitCode:{}", Number(terminated, "exitCode"));
}

bool IsSidecar(const json::Value& pod, std::string_view name) {
  for (const json::Value& container : List(pod, "spec", "initContainers")) {
    if (Text(container, "name") == name) return Text(container, "restartPolicy") == "Always";
  }
  return false;
}

// Looks through the init containers; true when the pod still waits for one.
bool Initializing(const json::Value& pod, Summary& summary, Summary& sidecars) {
  const json::Array& statuses = List(pod, "status", "initContainerStatuses");
  for (size_t i = 0; i < statuses.size(); ++i) {
    const json::Value& status = statuses[i];
    bool sidecar = IsSidecar(pod, Text(status, "name"));
    summary.CountRestart(status);
    if (sidecar) sidecars.CountRestart(status);
    const json::Value* terminated = json::Find(status, "state", "terminated");
    if (terminated != nullptr && Number(*terminated, "exitCode") == 0) continue;
    if (sidecar && Flag(status, "started")) {
      if (Flag(status, "ready")) ++summary.ready;
      continue;
    }
    std::string_view waiting = Text(status, "state", "waiting", "reason");
    if (terminated != nullptr) {
      summary.reason = "Init:" + Ended(*terminated);
    } else if (!waiting.empty() && waiting != "PodInitializing") {
      summary.reason = fmt::format("Init:{}", waiting);
    } else {
      summary.reason = fmt::format("Init:{}/{}", i, Count(pod, "spec", "initContainers"));
    }
    return true;
  }
  return false;
}

void Containers(const json::Value& pod, Summary& summary) {
  bool running = false;
  const json::Array& statuses = List(pod, "status", "containerStatuses");
  for (size_t i = statuses.size(); i-- > 0;) {
    const json::Value& status = statuses[i];
    summary.CountRestart(status);
    std::string_view waiting = Text(status, "state", "waiting", "reason");
    const json::Value* terminated = json::Find(status, "state", "terminated");
    if (!waiting.empty()) {
      summary.reason = waiting;
    } else if (terminated != nullptr) {
      summary.reason = Ended(*terminated);
    } else if (Flag(status, "ready") && json::Find(status, "state", "running") != nullptr) {
      running = true;
      ++summary.ready;
    }
  }
  // Some containers are done, others run.
  if (summary.reason == "Completed" && running) summary.reason = Condition(pod, "Ready") ? "Running" : "NotReady";
}

Summary Summarize(const json::Value& pod) {
  std::string_view phase = Text(pod, "status", "phase");
  std::string_view reason = Text(pod, "status", "reason");
  Summary summary{.reason = std::string(reason.empty() ? phase : reason)};
  for (const json::Value& condition : List(pod, "status", "conditions")) {
    if (Text(condition, "type") == "PodScheduled" && Text(condition, "reason") == "SchedulingGated") {
      summary.reason = "SchedulingGated";
    }
  }
  summary.total = Count(pod, "spec", "containers");
  for (const json::Value& container : List(pod, "spec", "initContainers")) {
    if (Text(container, "restartPolicy") == "Always") ++summary.total;
  }
  Summary sidecars;
  bool initializing = Initializing(pod, summary, sidecars);
  if (!initializing || Condition(pod, "Initialized")) {
    summary.restarts = sidecars.restarts;
    summary.last_restart = sidecars.last_restart;
    Containers(pod, summary);
  }
  if (!Text(pod, "metadata", "deletionTimestamp").empty()) {
    if (reason == "NodeLost") {
      summary.reason = "Unknown";
    } else if (phase != "Failed" && phase != "Succeeded") {
      summary.reason = "Terminating";
    }
  }
  return summary;
}

std::string Gates(const json::Value& pod) {
  const json::Array& gates = List(pod, "spec", "readinessGates");
  if (gates.empty()) return std::string(kNone);
  size_t passed = 0;
  for (const json::Value& gate : gates) passed += Condition(pod, Text(gate, "conditionType")) ? 1 : 0;
  return fmt::format("{}/{}", passed, gates.size());
}

void PrintPod(const json::Value& pod, WallTime now, json::Array& cells) {
  Summary summary = Summarize(pod);
  Put(cells, Text(pod, "metadata", "name"));
  Put(cells, fmt::format("{}/{}", summary.ready, summary.total));
  Put(cells, summary.reason);
  std::string restarts = std::to_string(summary.restarts);
  if (summary.restarts != 0 && !summary.last_restart.empty()) {
    restarts += fmt::format(" ({} ago)", Since(summary.last_restart, now));
  }
  Put(cells, restarts);
  Put(cells, Age(pod, now));
  const json::Array& ips = List(pod, "status", "podIPs");
  Put(cells, OrNone(ips.empty() ? Text(pod, "status", "podIP") : Text(ips[0], "ip")));
  Put(cells, OrNone(Text(pod, "spec", "nodeName")));
  Put(cells, OrNone(Text(pod, "status", "nominatedNodeName")));
  Put(cells, Gates(pod));
}

}  // namespace

std::span<const Printer> PodPrinters() {
  static constexpr Printer kPrinters[] = {{"", "Pod", kPodColumns, PrintPod}};
  return kPrinters;
}

}  // namespace sampan::api::printers
