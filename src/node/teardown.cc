// The end of everything that the agent has started on this machine.
#include <set>

#include "async/spawn.h"
#include "base/log.h"
#include "node/agent.h"
#include "node/cni/host_port_rules.h"
#include "node/containerd/supervisor.h"
#include "node/cri/operation_stats.h"
#include "node/images/pause_image.h"
#include "node/pods/resources.h"
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
  auto remove = [logs, prefix, links = paths.ContainerLogLinks()]() -> Result<void> {
    for (const std::string& name : os::ListDir(links).value_or(std::vector<std::string>())) {
      if (name.starts_with(prefix)) TRY_VOID(os::RemoveFile(os::JoinPath(links, name)));
    }
    return os::RemoveAll(logs);
  };
  co_return co_await blocking->Run(std::move(remove));
}

// Adds the pods it finds to `uids`.
Task<Result<void>> RemovePods(cri::Runtime* runtime, BlockingPool* blocking, Paths paths, std::set<std::string>* uids) {
  CO_TRY(std::vector<cri::Sandbox> sandboxes, co_await runtime->ListSandboxes({}));
  std::vector<Task<Result<void>>> removals;
  for (cri::Sandbox& sandbox : sandboxes) {
    if (!sandbox.labels.contains(std::string(labels::kPodUid))) continue;
    if (!Paths::CanName(sandbox.uid) || !Paths::CanName(sandbox.name) || !Paths::CanName(sandbox.namespace_)) continue;
    uids->insert(sandbox.uid);
    removals.push_back(RemovePod(runtime, blocking, std::move(sandbox), paths));
  }
  Failures failures;
  for (Result<void>& removed : co_await WhenAll(std::move(removals))) failures.Note(std::move(removed));
  co_return failures.first();
}

// The groups of these pods only: another cluster's pods may run on this machine.
Result<void> RemoveCgroups(const std::set<std::string>& uids) {
  auto cgroups = os::Cgroups::Detect();
  if (!cgroups) return {};
  for (const std::string& uid : uids) {
    for (QosClass qos : {QosClass::kGuaranteed, QosClass::kBurstable, QosClass::kBestEffort}) {
      const std::string group = PodCgroup(qos, uid);
      TRY_VOID(cgroups->Kill(group));
      TRY_VOID(cgroups->Remove(group));
    }
  }
  for (const char* parent : {"/kubepods/burstable", "/kubepods/besteffort", "/kubepods"}) {
    TRY(std::vector<std::string> children, cgroups->Children(parent));
    if (children.empty()) TRY_VOID(cgroups->Remove(parent));
  }
  return {};
}

// The host-port plugin leaves its top chains behind. They are taken out of the table, and the table goes when nothing else
// is in it. While another cluster's pods have chains of their own there, all of it stays.
// `used` is set when the plugin's chains were there: it makes an empty table of the other family at the same time.
Result<void> RemoveHostPortChains(const std::string& family, const std::string& tool, bool* used) {
  if (!os::FindProgram(tool) || !os::FindProgram("nft")) return {};
  TRY(std::string tables, os::RunForOutput({"nft", "list", "tables"}, std::chrono::seconds(10)));
  // Listing the rules of a table that is not there would make it.
  if ((tables + "\n").find("table " + family + " nat\n") == std::string::npos) return {};
  TRY(std::string saved, os::RunForOutput({tool + "-save", "-t", "nat"}, std::chrono::seconds(10)));
  HostPortRules rules = WithoutHostPortChains(saved);
  *used |= rules.text != saved;
  if (rules.kept_by_others || !*used) return {};
  if (rules.empty) {
    TRY_VOID(os::RunForOutput({"nft", "delete", "table", family, "nat"}, std::chrono::seconds(10)));
    return {};
  }
  if (rules.text == saved) return {};
  TRY(os::RunResult restored, os::Run({tool + "-restore", "-T", "nat"}, rules.text, std::chrono::seconds(10)));
  if (!restored.status.ok()) return Fail(Error::InternalError("{}-restore: {}", tool, restored.err));
  return {};
}

Result<void> RemoveBridge(const std::string& name) {
  TRY(os::Netlink netlink, os::Netlink::Open());
  return netlink.DeleteLink(name);
}

Result<void> Clean(const AgentOptions& options, std::set<std::string> uids) {
  Failures failures;
  for (std::string& uid : os::ListDir(options.paths.Pods()).value_or(std::vector<std::string>()))
    uids.insert(std::move(uid));
  if (options.runtime_endpoint.empty()) failures.Note(StopContainerd(options.paths));
  failures.Note(RemoveCgroups(uids));
  failures.Note(RemoveBridge(options.bridge_name));
  bool host_ports_used = false;
  failures.Note(RemoveHostPortChains("ip", "iptables", &host_ports_used));
  failures.Note(RemoveHostPortChains("ip6", "ip6tables", &host_ports_used));
  failures.Note(os::UnmountAll(options.paths.Pods()));
  failures.Note(os::RemoveAll(options.paths.Pods()));
  failures.Note(os::RemoveAll(options.paths.CniIpam()));
  return failures.first();
}

}  // namespace

Task<Result<void>> TearDown(BlockingPool* blocking, Clock* clock, AgentOptions options) {
  const bool own = options.runtime_endpoint.empty();
  // Pods behind a socket of another data directory are none of ours.
  auto ran = [paths = options.paths, own] {
    return !own || (os::Exists(paths.ContainerdConfig()) && CheckContainerdSocket(paths));
  };
  const bool ever_ran = co_await blocking->Run(std::move(ran));
  Failures failures;
  std::set<std::string> uids;
  if (ever_ran) {
    cri::OperationStats operations;
    std::unique_ptr<cri::Runtime> runtime =
        cri::NewRuntime(own ? options.paths.ContainerdSocket() : options.runtime_endpoint, operations);
    if (own) {
      // It is needed to free what pods hold: addresses, network namespaces, snapshots. One that has ended is started again.
      if (options.cni_conf_dir.empty()) options.cni_conf_dir = options.paths.CniConf();
      OomScoreAdj oom_score_adj = co_await blocking->Run([] { return ProbeOomScoreAdj(); });
      ContainerdSupervisor containerd(
          {*clock, *blocking, *runtime},
          {options.paths, options.cni_bin_dir, options.cni_conf_dir, std::string(kPauseImage), oom_score_adj});
      failures.Note(co_await containerd.Start({}));
    }
    failures.Note(co_await RemovePods(runtime.get(), blocking, options.paths, &uids));
  }
  auto clean = [options, uids] { return Clean(options, uids); };
  failures.Note(co_await blocking->Run(std::move(clean)));
  co_return failures.first();
}

}  // namespace sampan::node
