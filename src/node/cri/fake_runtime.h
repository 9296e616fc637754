// A container runtime in memory, for tests: containers run until they are told to end.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "async/clock.h"
#include "base/guarded.h"
#include "node/cri/runtime.h"

namespace sampan::cri {

// Thread-safe. Calls answer at once.
class FakeRuntime final : public Runtime {
 public:
  // Pods get addresses of 10.`network`.0.0/16.
  explicit FakeRuntime(Clock& clock, int network = 0) : clock_(clock), network_(network) {}

  // Images that are on the node, and those that can be pulled.
  void AddImage(const std::string& name);
  void AddRemoteImage(const std::string& name);
  // Ends the newest run of the container, as if its process had exited. False when none runs.
  bool Exit(const std::string& pod_uid, const std::string& container, int32_t code);
  // The newest sandbox of the pod stops, as after a reboot; its containers end.
  void LoseSandbox(const std::string& pod_uid);
  // Asked before each call ("RunSandbox", "StartContainer" ...); what it returns is the call's error.
  using Fault = std::function<std::optional<Error>(std::string_view call)>;
  void SetFault(Fault fault);
  // Answers ExecSync; by default every command succeeds.
  using ExecHandler = std::function<ExecSyncResult(const std::string& id, const std::vector<std::string>& command)>;
  void SetExec(ExecHandler handler);
  // Commands and the ends of containers that may take more than a minute take for ever, until they are given up.
  void SetEndless();

  // Names of the calls that changed something, with their object: "StartContainer web".
  std::vector<std::string> calls() const;
  size_t sandboxes() const;
  std::vector<std::string> pod_uids() const;  // of pods that have a sandbox
  size_t running() const;
  ContainerConfig ConfigOf(const std::string& container) const;  // of the newest run of that name
  SandboxConfig SandboxConfigOf(const std::string& pod_uid) const;
  std::vector<Duration> graces() const;  // of StopContainer calls

  Task<Result<RuntimeVersion>> Version() override;
  Task<Result<std::vector<RuntimeCondition>>> Status() override;
  Task<Result<std::string>> RunSandbox(SandboxConfig config) override;
  Task<Result<void>> StopSandbox(std::string id) override;
  Task<Result<void>> RemoveSandbox(std::string id) override;
  Task<Result<Sandbox>> SandboxStatus(std::string id) override;
  Task<Result<std::vector<Sandbox>>> ListSandboxes(Labels selector) override;
  Task<Result<std::string>> CreateContainer(std::string sandbox_id, ContainerConfig config,
                                            SandboxConfig sandbox_config) override;
  Task<Result<void>> StartContainer(std::string id) override;
  Task<Result<void>> StopContainer(std::string id, Duration grace, CancelToken stop) override;
  Task<Result<void>> RemoveContainer(std::string id) override;
  Task<Result<void>> UpdateContainerResources(std::string id, ContainerResources resources) override;
  Task<Result<std::vector<Container>>> ListContainers(Labels selector) override;
  Task<Result<Container>> ContainerStatus(std::string id) override;
  Task<Result<void>> ReopenLog(std::string id) override;
  Task<Result<ExecSyncResult>> ExecSync(std::string id, std::vector<std::string> command, Duration timeout,
                                        CancelToken stop) override;
  Task<Result<std::string>> Exec(std::string id, std::vector<std::string> command, StreamOptions options) override;
  Task<Result<std::string>> Attach(std::string id, StreamOptions options) override;
  Task<Result<std::string>> PortForward(std::string sandbox_id, std::vector<int32_t> ports) override;
  Task<Result<std::vector<ContainerStats>>> ListStats() override;
  Task<Result<std::vector<Image>>> ListImages() override;
  Task<Result<std::optional<Image>>> FindImage(std::string image) override;
  Task<Result<std::string>> PullImage(std::string image, Auth auth, SandboxConfig sandbox, CancelToken stop) override;
  Task<Result<void>> RemoveImage(std::string image) override;
  Task<Result<std::vector<ImageFilesystem>>> ImageFilesystems() override;

 private:
  struct World {
    std::map<std::string, Sandbox> sandboxes;
    std::map<std::string, SandboxConfig> sandbox_configs;  // by pod uid
    std::map<std::string, Container> containers;
    std::map<std::string, ContainerConfig> configs;  // by container name
    std::set<std::string> images, remote_images;
    std::vector<std::string> calls;
    std::vector<Duration> graces;
    Fault fault;
    ExecHandler exec;
    bool endless = false;
    int next_id = 1;
  };
  Result<void> Check(std::string_view call);
  Task<Result<void>> Endlessly(Duration limit, CancelToken stop);
  void EndLocked(World& world, Container& container, int32_t code);

  Clock& clock_;
  const int network_;
  Guarded<World> world_;
};

}  // namespace sampan::cri
