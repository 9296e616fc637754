// Looks after one pod from when it is bound to the node until nothing of it is left: fetch what the runtime has, plan,
// execute, publish the status, wait. What escapes a pass is contained: the pod is looked at again after a pause.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "async/channel.h"
#include "async/clock.h"
#include "async/gate.h"
#include "async/pool.h"
#include "client/events.h"
#include "client/informer.h"
#include "node/cri/runtime.h"
#include "node/pods/container_config.h"
#include "node/pods/plan.h"
#include "node/pods/status_writer.h"
#include "node/probes/probe.h"
#include "node/volumes/volumes.h"
#include "os/cgroup.h"
#include "os/listeners.h"

namespace sampan::node {

// What the workers of a node share. Outlives them.
struct PodServices {
  client::Client& client;
  cri::Runtime& runtime;
  Clock& clock;
  Executor& strand;
  BlockingPool& blocking;
  client::EventRecorder& events;
  Volumes& volumes;
  StatusWriter& status;
  client::Informer<api::core::Service> service_list;
  ProbeDeps probes;
  Paths paths;
  DnsOptions dns;
  const os::Cgroups* cgroups = nullptr;  // null: pods have no groups of their own
  std::string node_name, host_ip;
  std::string static_pod_dir = {};  // manifests of static pods; empty: none
  api::Map<api::Quantity> allocatable;
  int64_t node_memory_bytes = 0;
  int64_t pod_max_pids = 0;  // of each pod; 0: no limit
  // What the node's pods but this one ask for; PodManager provides it, absent they ask for nothing.
  std::function<int64_t(const std::string& uid, std::string_view resource)> others_request = {};
  std::function<std::vector<os::Listener>()> host_listeners = {};  // blocks; absent, the host serves nothing itself
};

// Everything on the strand of `services`.
class PodWorker {
 public:
  PodWorker(PodServices& services, client::TypedPtr<api::core::Pod> pod);
  // For a pod that the API does not know: what the runtime has of one that is gone, or a static one.
  enum class Origin : bool { kGone, kManifest };
  PodWorker(PodServices& services, std::shared_ptr<const api::core::Pod> pod, Origin origin);
  ~PodWorker();

  void Update(const client::TypedPtr<api::core::Pod>& pod);            // the object changed
  void ObserveMirror(const client::TypedPtr<api::core::Pod>& mirror);  // of this static pod: statuses go there
  void MarkGone();                                                     // the object, or the manifest, is deleted
  void RuntimeChanged();                                               // look at the runtime again
  void RuntimeIsEmpty() { runtime_dirty_ = false; }                    // before Run: there is nothing to look at
  void Evict(std::string reason, std::string message);                 // ends the pod as failed
  // Before Run, instead of all else: the pod fails without having run, when that much time has passed.
  void Refuse(std::string reason, std::string message, Duration after);

  // Ends when the pod is gone and nothing of it is left (true), or at `stop` (false).
  Task<bool> Run(CancelToken stop);

  const api::core::Pod& pod() const { return *pod_; }
  std::shared_ptr<const api::core::Pod> pod_ptr() const { return pod_; }
  const RuntimePod& runtime() const { return runtime_; }
  bool is_static() const { return is_static_; }
  bool gone() const { return memory_.gone; }
  bool terminating() const { return memory_.terminating_since.has_value(); }
  // Whether it holds a place on the node: what has ended, or was refused before it began, does not.
  bool holds_place() const {
    const bool refused = !memory_.failed_reason.empty() && runtime_.sandboxes.empty();
    return !gone() && !refused && !IsTerminal(pod_->status);
  }

 private:
  enum class Next : bool { kWait, kAgain };
  using PodPtr = std::shared_ptr<const api::core::Pod>;

  Task<Result<Next>> Pass(CancelToken stop);
  Task<Next> Execute(PodPtr pod, PodPlan plan, CancelToken stop);
  Task<Next> Finish(PodPtr pod, CancelToken stop);
  Task<void> Wait(CancelToken stop);
  void Wake() { wake_->TryPush(true); }
  PodView View(const api::core::Pod& pod) const { return {pod, runtime_, memory_, services_.clock.Now()}; }
  void CheckDeadline();
  void Publish(const PodPtr& pod, const PodPlan& plan);
  void TellWaiting(const PodPlan& plan);

  // The runtime's side (worker_runtime.cc).
  Task<Result<void>> Fetch();
  Task<Result<void>> FetchSandboxes(std::vector<cri::Sandbox>* sandboxes);
  Task<Result<void>> FetchContainers(std::vector<cri::Container>* containers);
  Task<Result<std::optional<cri::Container>>> FetchContainer(cri::Container listed);
  Task<void> ReadTerminationMessage(cri::Container* container);
  Task<Result<void>> RunSandbox(PodPtr pod, uint32_t attempt);
  Task<Result<void>> PrepareVolumes(PodPtr pod);
  Task<Result<void>> MakeRoom(PodPtr pod, const cri::SandboxConfig* config);  // the pod's control group and log directory
  Task<Result<void>> MakeSandbox(cri::SandboxConfig config, std::string* id);
  Task<void> LookAtSandbox(std::string id);
  Task<void> LookAtContainer(std::string id, std::string sandbox_id);
  Task<Result<void>> CheckHostPorts(const cri::SandboxConfig* config);
  Task<bool> Kill(PodPtr pod, KillContainer kill, CancelToken stop);
  Task<Result<void>> StopContainer(std::string id, Duration grace, CancelSource* ended);
  Task<Result<void>> LiftQuota(PodPtr pod, std::string id, Duration after, CancelToken ended);
  Task<void> RemoveRun(PodPtr pod, std::string id);
  Task<void> RefreshVolumes(PodPtr pod);
  Task<Result<void>> RemoveEverything(PodPtr pod);

  // In-place resize (worker_resize.cc).
  void SyncSizes();
  Task<void> Resize(PodPtr pod, std::vector<ResizeContainer> resizes);
  Task<Result<void>> SetPodLimits(os::CgroupLimits limits, const PodPtr& pod);

  // Containers (worker_start.cc).
  struct StartFailure;
  Task<void> Start(PodPtr pod, StartContainer start, CancelToken stop);
  Task<Result<void>> TryStart(PodPtr pod, StartContainer start, StartFailure* failure, CancelToken stop);
  Task<Result<void>> FindImageAhead(PodPtr pod);
  Task<Result<std::optional<cri::Image>>> FindImage(std::string name);
  Task<Result<cri::Image>> EnsureImage(PodPtr pod, const api::core::Container* container, StartFailure* failure,
                                       CancelToken stop);
  Task<Result<void>> Pull(PodPtr pod, const api::core::Container* container, CancelToken stop);
  Task<Result<EnvList>> Environment(PodPtr pod, const api::core::Container* container);
  Task<Result<void>> LinkLog(PodPtr pod, std::string container, std::string id, std::string log_path);
  Task<Result<void>> AfterStart(PodPtr pod, const api::core::Container* container, std::string id, std::string sandbox_id,
                                CancelToken stop);
  Task<Result<void>> PostStart(PodPtr pod, const api::core::Container* container, std::string id, CancelToken stop);

  // Probes (worker_probes.cc).
  enum class ProbeKind : unsigned char { kStartup, kLiveness, kReadiness };
  void SyncProbes();
  void WatchContainer(const PodPtr& pod, const api::core::Container& container);
  Task<void> ProbeLoop(ProbeKind kind, PodPtr pod, const api::core::Container* container, std::string id, WallTime started,
                       CancelToken stop);
  void ProbeVerdict(ProbeKind kind, const api::core::Container& container, bool ok);

  void Event(client::EventType type, std::string_view reason, std::string message, std::string_view container = {});
  PodFacts Facts() const;
  std::string PodIp() const;
  const api::core::Container* FindContainer(const api::core::Pod& pod, std::string_view name) const;

  PodServices& services_;
  PodPtr pod_;
  const bool is_static_ = false;
  RuntimePod runtime_;
  PodMemory memory_;
  bool runtime_dirty_ = true;
  // Looked up while the sandbox was made: the image of the first container, by the name it has there.
  std::optional<std::pair<std::string, cri::Image>> image_ahead_;
  bool removed_ = false;  // RemoveEverything has succeeded
  Duration refused_after_{0};
  std::optional<WallTime> volumes_fresh_until_;
  std::optional<Duration> wake_after_;
  Backoff escapes_;                              // of passes that something escaped
  std::map<std::string, std::string> messages_;  // termination messages by container id
  std::set<std::string> pre_stopped_;            // container ids whose preStop hook has been run
  std::map<std::string, WaitingReason, std::less<>> told_;
  struct Watched {
    std::string container_id;
    bool past_startup = false;
    CancelSource stop;
  };
  std::map<std::string, Watched, std::less<>> watched_;
  std::shared_ptr<Channel<bool>> wake_ = std::make_shared<Channel<bool>>(1);
  std::optional<CancelSource> pass_;
  Gate gate_;  // probe loops
};

}  // namespace sampan::node
