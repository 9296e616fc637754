// The container runtime as the node agent sees it: the Container Runtime Interface, version 1.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/cancel.h"
#include "async/task.h"
#include "base/error.h"
#include "node/cri/types.h"

namespace sampan::cri {

class OperationStats;

// Thread-safe. Errors: NotFound for an id that is not there, ServiceUnavailable when the runtime cannot be reached, Timeout,
// otherwise InternalError with the runtime's own message. Calls do not block the caller's executor.
class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual Task<Result<RuntimeVersion>> Version() = 0;
  virtual Task<Result<std::vector<RuntimeCondition>>> Status() = 0;

  // Makes the pod's namespaces and network; the id.
  virtual Task<Result<std::string>> RunSandbox(SandboxConfig config) = 0;
  virtual Task<Result<void>> StopSandbox(std::string id) = 0;    // kills what is in it, frees its network; idempotent
  virtual Task<Result<void>> RemoveSandbox(std::string id) = 0;  // with its containers; fine when absent
  virtual Task<Result<Sandbox>> SandboxStatus(std::string id) = 0;
  virtual Task<Result<std::vector<Sandbox>>> ListSandboxes(Labels selector) = 0;

  virtual Task<Result<std::string>> CreateContainer(std::string sandbox_id, ContainerConfig config,
                                                    SandboxConfig sandbox_config) = 0;
  virtual Task<Result<void>> StartContainer(std::string id) = 0;
  // The stop signal, then SIGKILL after `grace` (whole seconds; 0 kills at once). Ended early by `stop`.
  virtual Task<Result<void>> StopContainer(std::string id, Duration grace, CancelToken stop) = 0;
  virtual Task<Result<void>> RemoveContainer(std::string id) = 0;  // fine when absent
  virtual Task<Result<void>> UpdateContainerResources(std::string id, ContainerResources resources) = 0;
  virtual Task<Result<std::vector<Container>>> ListContainers(Labels selector) = 0;
  virtual Task<Result<Container>> ContainerStatus(std::string id) = 0;
  virtual Task<Result<void>> ReopenLog(std::string id) = 0;

  // Timeout when the command runs longer, or was ended early by `stop`.
  virtual Task<Result<ExecSyncResult>> ExecSync(std::string id, std::vector<std::string> command, Duration timeout,
                                                CancelToken stop) = 0;

  struct StreamOptions {
    bool stdin_open = false, stdout_open = false, stderr_open = false, tty = false;
  };
  // URLs that serve the stream once.
  virtual Task<Result<std::string>> Exec(std::string id, std::vector<std::string> command, StreamOptions options) = 0;
  virtual Task<Result<std::string>> Attach(std::string id, StreamOptions options) = 0;
  virtual Task<Result<std::string>> PortForward(std::string sandbox_id, std::vector<int32_t> ports) = 0;

  virtual Task<Result<std::vector<ContainerStats>>> ListStats() = 0;

  virtual Task<Result<std::vector<Image>>> ListImages() = 0;
  virtual Task<Result<std::optional<Image>>> FindImage(std::string image) = 0;  // nothing when it is not on the node
  // The reference with digest. Ended early by `stop`.
  virtual Task<Result<std::string>> PullImage(std::string image, Auth auth, SandboxConfig sandbox, CancelToken stop) = 0;
  virtual Task<Result<void>> RemoveImage(std::string image) = 0;
  virtual Task<Result<std::vector<ImageFilesystem>>> ImageFilesystems() = 0;
};

// A runtime behind a Unix socket: "unix:///run/containerd/containerd.sock" or a plain path. Connects when first called
// and again whenever the runtime comes back. `stats` counts its calls and outlives it.
std::unique_ptr<Runtime> NewRuntime(const std::string& endpoint, OperationStats& stats);

}  // namespace sampan::cri
