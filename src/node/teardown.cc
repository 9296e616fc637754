// The end of everything that the agent has started on this machine.
#include "async/spawn.h"
#include "base/log.h"
#include "node/agent.h"
#include "node/containerd/supervisor.h"
#include "node/images/pause_image.h"
#include "node/pods/state.h"
#include "os/cgroup.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/netlink.h"

namespace sampan::node {
namespace {

// Remembers the first failure and goes on.
class Failures {
 public:
  void Note(Result<void> result) {
    if (result) return;
    LOG_WARN("node", "{}", result.error());
    if (first_) first_ = std::move(result);
  }
  Result<void> first() { return std::move(first_); }

 private:
  Result<void> first_;
};

Task<Result<void>> RemovePod(cri::Runtime* runtime, BlockingPool* blocking, cri::Sandbox sandbox, Paths paths) {
  CO_TRY_VOID(co_await runtime->StopSandbox(sandbox.id));
  CO_TRY_VOID(co_await runtime->RemoveSandbox(sandbox.id));
  const std::string logs = paths.PodLogs(sandbox.namespace_, sandbox.name, sandbox.uid);
  const std::string prefix = fmt::format("{}_{}_", sandbox.name, sandbox.namespace_);
  co_return co_await blocking->Run([logs, prefix, links = paths.ContainerLogLinks()]() -> Result<void> {
    for (const std::string& name : os::ListDir(links).value_or(std::vector<std::string>())) {
      if (name.starts_with(prefix)) TRY_VOID(os::RemoveFile(os::JoinPath(links, name)));
    }
    return os::RemoveAll(logs);
  });
}

Task<Result<void>> RemovePods(cri::Runtime* runtime, BlockingPool* blocking, Paths paths) {
  CO_TRY(std::vector<cri::Sandbox> sandboxes, co_await runtime->ListSandboxes({}));
  std::vector<Task<Result<void>>> removals;
  for (cri::Sandbox& sandbox : sandboxes) {
    if (!sandbox.labels.contains(std::string(labels::kPodUid))) continue;
    removals.push_back(RemovePod(runtime, blocking, std::move(sandbox), paths));
  }
  Failures failures;
  for (Result<void>& removed : co_await WhenAll(std::move(removals))) failures.Note(std::move(removed));
  co_return failures.first();
}

Result<void> RemoveCgroups() {
  auto cgroups = os::Cgroups::Detect();
  if (!cgroups || !cgroups->Exists("/kubepods")) return {};
  TRY_VOID(cgroups->Kill("/kubepods"));
  return cgroups->Remove("/kubepods");
}

Result<void> RemoveBridge(const std::string& name) {
  TRY(os::Netlink netlink, os::Netlink::Open());
  return netlink.DeleteLink(name);
}

Result<void> Clean(const AgentOptions& options) {
  Failures failures;
  if (options.runtime_endpoint.empty()) failures.Note(StopContainerd(options.paths));
  failures.Note(RemoveCgroups());
  failures.Note(RemoveBridge(options.bridge_name));
  failures.Note(os::UnmountAll(options.paths.Pods()));
  failures.Note(os::RemoveAll(options.paths.Pods()));
  failures.Note(os::RemoveAll(options.paths.CniIpam()));
  return failures.first();
}

}  // namespace

Task<Result<void>> TearDown(BlockingPool* blocking, Clock* clock, AgentOptions options) {
  const bool own = options.runtime_endpoint.empty();
  const bool ever_ran =
      co_await blocking->Run([paths = options.paths, own] { return !own || os::Exists(paths.ContainerdConfig()); });
  Failures failures;
  if (ever_ran) {
    std::unique_ptr<cri::Runtime> runtime =
        cri::NewRuntime(own ? options.paths.ContainerdSocket() : options.runtime_endpoint);
    if (own) {
      // It is needed to free what pods hold: addresses, network namespaces, snapshots. One that has ended is started again.
      if (options.cni_conf_dir.empty()) options.cni_conf_dir = options.paths.CniConf();
      OomScoreAdj oom_score_adj = co_await blocking->Run([] { return ProbeOomScoreAdj(); });
      ContainerdSupervisor containerd(
          {*clock, *blocking, *runtime},
          {options.paths, options.cni_bin_dir, options.cni_conf_dir, std::string(kPauseImage), oom_score_adj});
      failures.Note(co_await containerd.Start({}));
    }
    failures.Note(co_await RemovePods(runtime.get(), blocking, options.paths));
  }
  failures.Note(co_await blocking->Run([options] { return Clean(options); }));
  co_return failures.first();
}

}  // namespace sampan::node
