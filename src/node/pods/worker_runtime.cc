// The part of PodWorker that asks and changes the runtime: sandboxes, the end of containers, what is left behind.
#include "async/spawn.h"
#include "base/log.h"
#include "base/saturate.h"
#include "codec/utf8.h"
#include "node/logs/log_file.h"
#include "node/logs/rotation.h"
#include "node/pods/admission.h"
#include "node/pods/resize.h"
#include "node/pods/resources.h"
#include "node/pods/worker.h"
#include "os/file.h"

namespace sampan::node {

using namespace api::core;
using std::chrono::seconds;

namespace {

constexpr size_t kMaxMessage = 4096;   // of a termination message
constexpr size_t kMaxFallback = 2048;  // of the log's end, where it stands in for a message
constexpr size_t kMaxFallbackLines = 80;
constexpr Duration kVolumeRefresh = seconds(45);
constexpr Duration kToEnd = seconds(2);          // of what has been killed
constexpr Duration kLongestLift = seconds(120);  // of a quota
constexpr Duration kLeastGrace = seconds(2);     // left to a container after its preStop hook

std::string ReadMessage(const std::string& path, const std::string& log_path, bool from_log) {
  Result<std::string> text = os::ReadFileTail(path, kMaxMessage);
  if (!text && !text.error().Is(Reason::kNotFound)) {
    return fmt::format("Error on reading termination log {}: {}", path, text.error());
  }
  if (text && !text->empty()) return utf8::RepairedTail(*text, kMaxMessage);
  return from_log ? utf8::RepairedTail(LogTail(log_path, kMaxFallbackLines, kMaxFallback), kMaxFallback) : std::string();
}

}  // namespace

// Two rounds of calls: the lists, then what they do not tell. A pod waits for each round.
Task<Result<void>> PodWorker::Fetch() {
  RuntimePod fresh;
  std::vector<Task<Result<void>>> both;
  both.push_back(FetchSandboxes(&fresh.sandboxes));
  both.push_back(FetchContainers(&fresh.containers));
  for (Result<void>& fetched : co_await WhenAll(std::move(both))) CO_TRY_VOID(std::move(fetched));
  fresh.Sort();
  runtime_ = std::move(fresh);
  co_return Result<void>();
}

Task<Result<void>> PodWorker::FetchSandboxes(std::vector<cri::Sandbox>* sandboxes) {
  RuntimePod fresh;
  const cri::Labels selector{{std::string(labels::kPodUid), pod_->metadata.uid}};
  CO_TRY(fresh.sandboxes, co_await services_.runtime.ListSandboxes(selector));
  fresh.Sort();
  if (!fresh.sandboxes.empty() && fresh.sandboxes.front().state == cri::SandboxState::kReady) {
    cri::Sandbox& newest = fresh.sandboxes.front();
    const cri::Sandbox* known = runtime_.sandboxes.empty() ? nullptr : &runtime_.sandboxes.front();
    if (known != nullptr && known->id == newest.id && !known->ips.empty()) {
      newest.ips = known->ips;  // a sandbox keeps its addresses
    } else {
      auto status = co_await services_.runtime.SandboxStatus(newest.id);
      if (status) newest = *std::move(status);
    }
  }
  *sandboxes = std::move(fresh.sandboxes);
  co_return Result<void>();
}

Task<Result<void>> PodWorker::FetchContainers(std::vector<cri::Container>* containers) {
  const cri::Labels selector{{std::string(labels::kPodUid), pod_->metadata.uid}};
  CO_TRY(std::vector<cri::Container> listed, co_await services_.runtime.ListContainers(selector));
  std::vector<Task<Result<std::optional<cri::Container>>>> details;
  for (cri::Container& container : listed) details.push_back(FetchContainer(std::move(container)));
  for (Result<std::optional<cri::Container>>& detail : co_await WhenAll(std::move(details))) {
    if (!detail) co_return Fail(std::move(detail).error());
    if (*detail) containers->push_back(**std::move(detail));
  }
  co_return Result<void>();
}

// Nothing when it has gone meanwhile.
Task<Result<std::optional<cri::Container>>> PodWorker::FetchContainer(cri::Container listed) {
  auto status = co_await services_.runtime.ContainerStatus(listed.id);
  if (!status && status.error().Is(Reason::kNotFound)) co_return std::optional<cri::Container>();
  if (!status) co_return Fail(std::move(status).error());
  status->sandbox_id = listed.sandbox_id;
  if (status->state == cri::ContainerState::kExited) co_await ReadTerminationMessage(&*status);
  co_return std::optional<cri::Container>(*std::move(status));
}

Task<void> PodWorker::ReadTerminationMessage(cri::Container* container) {
  auto known = messages_.find(container->id);
  if (known == messages_.end()) {
    std::string path = services_.paths.TerminationMessage(pod_->metadata.uid, container->name, container->attempt);
    auto policy = container->annotations.find(std::string(labels::kMessagePolicy));
    bool from_log =
        policy != container->annotations.end() && policy->second == "FallbackToLogsOnError" && container->exit_code != 0;
    auto read = [path, log = container->log_path, from_log] { return ReadMessage(path, log, from_log); };
    std::string text = co_await services_.blocking.Run(std::move(read));
    // The file goes with the volumes of a pod that has ended; what was published stays.
    const std::string id = "containerd://" + container->id;
    for (const auto* list : {&pod_->status.container_statuses, &pod_->status.init_container_statuses}) {
      for (const ContainerStatus& status : *list) {
        for (const auto* state : {&status.state, &status.last_state}) {
          if (!text.empty() || !*state || !(*state)->terminated) continue;
          if ((*state)->terminated->container_id == id) text = (*state)->terminated->message;
        }
      }
    }
    known = messages_.emplace(container->id, std::move(text)).first;
  }
  if (!known->second.empty()) container->message = known->second;
}

Task<Result<void>> PodWorker::RunSandbox(PodPtr pod, uint32_t attempt) {
  // Nothing else of the pod is there, and so nothing else changes.
  const bool first = !runtime_dirty_ && runtime_.sandboxes.empty() && runtime_.containers.empty();
  if (attempt > 0) {
    Event(client::EventType::kNormal, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
  }
  cri::SandboxConfig config = BuildSandboxConfig({*pod, attempt, services_.dns, services_.paths});
  CO_TRY_VOID(co_await CheckHostPorts(&config));
  std::vector<Task<Result<void>>> needed;
  needed.push_back(PrepareVolumes(pod));
  needed.push_back(MakeRoom(pod, &config));
  for (Result<void>& done : co_await WhenAll(std::move(needed))) CO_TRY_VOID(std::move(done));
  // What is not seen of the outcome below is fetched by the next pass.
  runtime_dirty_ = true;
  std::string id;
  std::vector<Task<Result<void>>> both;
  both.push_back(MakeSandbox(std::move(config), &id));
  both.push_back(FindImageAhead(pod));
  std::vector<Result<void>> done = co_await WhenAll(std::move(both));
  if (!done[0]) {
    Event(client::EventType::kWarning, "FailedCreatePodSandBox",
          fmt::format("Failed to create pod sandbox: {}", done[0].error()));
    co_return std::move(done[0]);
  }
  // What failed in the sandbox that was lost, for it was lost, says nothing of the new one.
  for (auto& [name, memory] : memory_.containers) memory.retry_at.reset();
  if (first) co_await LookAtSandbox(std::move(id));
  co_return Result<void>();
}

Task<Result<void>> PodWorker::PrepareVolumes(PodPtr pod) {
  PodFacts facts = Facts();
  Result<void> prepared = co_await services_.volumes.Prepare(pod.get(), &facts);
  if (!prepared) {
    Event(client::EventType::kWarning, "FailedMount", prepared.error().message());
    co_return prepared;
  }
  volumes_fresh_until_.reset();
  if (Volumes::NeedRefresh(pod->spec)) volumes_fresh_until_ = services_.clock.Now() + kVolumeRefresh;
  co_return Result<void>();
}

Task<Result<void>> PodWorker::MakeRoom(PodPtr pod, const cri::SandboxConfig* config) {
  os::CgroupLimits limits = PodCgroupLimits(pod->spec);
  if (services_.cgroups != nullptr && services_.cgroups->HasController("pids") && services_.pod_max_pids > 0) {
    limits.pids = services_.pod_max_pids;
  }
  auto make = [cgroups = services_.cgroups, config, limits = std::move(limits)]() -> Result<void> {
    if (cgroups != nullptr) TRY_VOID(cgroups->Create(config->cgroup_parent, limits));
    return os::MakeDirs(config->log_directory, 0755);
  };
  Result<void> made = co_await services_.blocking.Run(std::move(make));
  co_return made;
}

Task<Result<void>> PodWorker::MakeSandbox(cri::SandboxConfig config, std::string* id) {
  CO_TRY(*id, co_await services_.runtime.RunSandbox(std::move(config)));
  co_return Result<void>();
}

Task<void> PodWorker::LookAtSandbox(std::string id) {
  runtime_dirty_ = false;
  auto status = co_await services_.runtime.SandboxStatus(std::move(id));
  if (!status) {
    runtime_dirty_ = true;
    co_return;
  }
  runtime_.sandboxes.push_back(*std::move(status));
  runtime_.Sort();
}

Task<void> PodWorker::LookAtContainer(std::string id, std::string sandbox_id) {
  cri::Container made;
  made.id = std::move(id);
  made.sandbox_id = std::move(sandbox_id);
  auto seen = co_await FetchContainer(std::move(made));
  if (!seen || !*seen) {
    runtime_dirty_ = true;
    co_return;
  }
  runtime_.containers.push_back(**std::move(seen));
  runtime_.Sort();
}

// Here and not with the pod's admission: it blocks.
Task<Result<void>> PodWorker::CheckHostPorts(const cri::SandboxConfig* config) {
  if (config->port_mappings.empty() || !services_.host_listeners) co_return Result<void>();
  std::vector<os::Listener> listeners = co_await services_.blocking.Run(services_.host_listeners);
  std::optional<Rejection> taken = HostPortsTaken(config->port_mappings, listeners, services_.dns.cluster_dns);
  if (!taken) co_return Result<void>();
  Event(client::EventType::kWarning, taken->reason, taken->message);
  Evict(taken->reason, taken->message);
  co_return Fail(Error::Conflict("{}", taken->message));
}

Task<bool> PodWorker::Kill(PodPtr pod, KillContainer kill, CancelToken stop) {
  const MonoTime begin = services_.clock.Monotonic();
  Event(client::EventType::kNormal, "Killing",
        kill.message.empty() ? fmt::format("Stopping container {}", kill.name) : kill.message, kill.name);
  const Container* container = FindContainer(*pod, kill.name);
  Duration grace = kill.grace;
  if (container != nullptr && container->lifecycle && container->lifecycle->pre_stop && grace > Duration(0) &&
      pre_stopped_.insert(kill.id).second) {
    const LifecycleHandler& handler = *container->lifecycle->pre_stop;
    if (handler.sleep) {
      co_await services_.clock.Sleep(std::min<Duration>(BoundedSeconds(handler.sleep->seconds), grace), stop);
    } else {
      Result<void> ran = co_await RunHook(&services_.probes, &handler, {kill.id, PodIp(), container}, grace, stop);
      if (!ran && !stop.Requested()) {
        Event(client::EventType::kWarning, "FailedPreStopHook", fmt::format("PreStopHook failed: {}", ran.error()),
              kill.name);
      }
    }
    grace = std::max<Duration>(grace - (services_.clock.Monotonic() - begin), kLeastGrace);
    if (stop.Requested()) co_return false;
  }
  std::vector<Task<Result<void>>> both;
  CancelSource ended(stop);
  both.push_back(StopContainer(kill.id, grace, &ended));
  both.push_back(LiftQuota(pod, kill.id, grace + kToEnd, ended.token()));
  std::vector<Result<void>> done = co_await WhenAll(std::move(both));
  if (!done[1]) LOG_WARN("node", "container {}: {}", kill.id, done[1].error());
  const Result<void>& stopped = done[0];
  if (!stopped && !stop.Requested()) {
    Event(client::EventType::kWarning, "FailedKillPod", fmt::format("error killing pod: {}", stopped.error()), kill.name);
    co_await services_.clock.Sleep(seconds(1), stop);
  }
  co_return stopped.has_value();
}

Task<Result<void>> PodWorker::StopContainer(std::string id, Duration grace, CancelSource* ended) {
  auto stopped = co_await services_.runtime.StopContainer(std::move(id), grace, ended->token());
  ended->Cancel();
  co_return stopped;
}

// What is killed needs processor time to end. Hundreds of processes overdraw the quota of their groups so far that none of
// them gets any for minutes: who has not ended `after` the kill began has no quota until it has.
Task<Result<void>> PodWorker::LiftQuota(PodPtr pod, std::string id, Duration after, CancelToken ended) {
  if (services_.cgroups == nullptr) co_return Result<void>();
  bool late = co_await services_.clock.Sleep(after, ended);
  if (!late) co_return Result<void>();
  os::CgroupLimits none;
  none.cpu_quota_microseconds = -1;
  CO_TRY_VOID(co_await SetPodLimits(none, pod));
  auto lift = [cgroups = services_.cgroups, group = PodCgroup(QosOf(pod->spec), pod->metadata.uid) + "/" + id, none] {
    return cgroups->SetLimits(group, none);
  };
  Result<void> lifted = co_await services_.blocking.Run(std::move(lift));
  co_await services_.clock.Sleep(kLongestLift, ended);
  // What else runs in the pod is limited as before.
  CO_TRY_VOID(co_await SetPodLimits(PodCgroupLimits(AppliedSpec(pod->spec, memory_)), pod));
  co_return lifted;
}

// A run that nobody asks about any more, with its log and with what it left to be read: containers that fail for ever
// would fill the disk with them.
Task<void> PodWorker::RemoveRun(PodPtr pod, std::string id) {
  auto run = std::ranges::find(runtime_.containers, id, &cri::Container::id);
  const Container* container = run == runtime_.containers.end() ? nullptr : FindContainer(*pod, run->name);
  const uint32_t attempt = container == nullptr ? 0 : run->attempt;
  Result<void> removed = co_await services_.runtime.RemoveContainer(id);
  if (!removed) {
    LOG_WARN("node", "cannot remove container {}: {}", id, removed.error());
    co_return;
  }
  messages_.erase(id);
  pre_stopped_.erase(id);
  if (container == nullptr) co_return;
  const api::meta::ObjectMeta& metadata = pod->metadata;
  auto clean = [link = services_.paths.ContainerLogLinks() + "/" +
                       Paths::ContainerLogLink(metadata.name, metadata.namespace_, container->name, id),
                log = services_.paths.PodLogs(metadata.namespace_, metadata.name, metadata.uid) + "/" +
                      Paths::ContainerLog(container->name, attempt),
                message = services_.paths.TerminationMessage(metadata.uid, container->name, attempt)]() -> Result<void> {
    TRY_VOID(os::RemoveFile(link));
    TRY_VOID(RemoveLogs(log));
    return os::RemoveFile(message);
  };
  Result<void> cleaned = co_await services_.blocking.Run(std::move(clean));
  if (!cleaned) LOG_WARN("node", "what container {} left stays: {}", id, cleaned.error());
}

Task<void> PodWorker::RefreshVolumes(PodPtr pod) {
  if (runtime_.sandboxes.empty()) {
    volumes_fresh_until_.reset();  // the next sandbox prepares them
    co_return;
  }
  if (!volumes_fresh_until_ && Volumes::NeedRefresh(pod->spec)) volumes_fresh_until_ = services_.clock.Now();
  if (!volumes_fresh_until_ || services_.clock.Now() < *volumes_fresh_until_) co_return;
  volumes_fresh_until_ = services_.clock.Now() + kVolumeRefresh;
  PodFacts facts = Facts();
  Result<void> refreshed = co_await services_.volumes.Prepare(pod.get(), &facts);
  if (!refreshed) Event(client::EventType::kWarning, "FailedMount", refreshed.error().message());
}

Task<Result<void>> PodWorker::RemoveEverything(PodPtr pod) {
  if (!runtime_.sandboxes.empty() || !runtime_.containers.empty() || !removed_) {
    for (const cri::Sandbox& sandbox : runtime_.sandboxes) CO_TRY_VOID(co_await services_.runtime.RemoveSandbox(sandbox.id));
    for (const cri::Container& container : runtime_.containers) {
      CO_TRY_VOID(co_await services_.runtime.RemoveContainer(container.id));
    }
    CO_TRY_VOID(co_await services_.volumes.TearDown(pod->metadata.uid));
    std::vector<std::string> links;
    for (const cri::Container& container : runtime_.containers) {
      links.push_back(services_.paths.ContainerLogLinks() + "/" +
                      Paths::ContainerLogLink(pod->metadata.name, pod->metadata.namespace_, container.name, container.id));
    }
    Result<void> cleaned = co_await services_.blocking.Run(
        [links = std::move(links), cgroups = services_.cgroups, uid = pod->metadata.uid,
         logs = services_.paths.PodLogs(pod->metadata.namespace_, pod->metadata.name, pod->metadata.uid)]() -> Result<void> {
          for (const std::string& link : links) TRY_VOID(os::RemoveFile(link));
          TRY_VOID(os::RemoveAll(logs));
          if (cgroups == nullptr) return {};
          for (QosClass qos : {QosClass::kGuaranteed, QosClass::kBurstable, QosClass::kBestEffort}) {
            TRY_VOID(cgroups->Remove(PodCgroup(qos, uid)));
          }
          return {};
        });
    if (!cleaned) co_return cleaned;
    removed_ = true;
    runtime_ = RuntimePod();
  }
  co_return Result<void>();
}

}  // namespace sampan::node
