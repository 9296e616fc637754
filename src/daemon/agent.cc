// `sampan agent`: a node.
#include <cstdio>
#include <memory>

#include "async/spawn.h"
#include "base/log.h"
#include "client/kubeconfig.h"
#include "daemon/access_follower.h"
#include "daemon/actor_component.h"
#include "daemon/config.h"
#include "daemon/heaps.h"
#include "daemon/host.h"
#include "daemon/node_components.h"
#include "daemon/paths.h"
#include "daemon/process.h"
#include "daemon/pulse.h"
#include "daemon/runtime.h"
#include "daemon/verb.h"
#include "daemon/verbs.h"
#include "os/file.h"

namespace sampan::daemon {
namespace {

Result<client::ClientConfig> AccessOf(const AgentConfig& config, const Paths& paths) {
  const std::string file = config.kubeconfig.empty() ? paths.agent_kubeconfig() : config.kubeconfig;
  auto access = client::LoadKubeconfig(file);
  if (!access) {
    return Fail(
        access.error().Annotate("no kubeconfig to work with (`sampan server` writes one; --kubeconfig names another)"));
  }
  if (!config.server.empty()) access->server = config.server;
  if (access->client_certificate_pem.empty()) {
    return Fail(Error::BadRequest("{} has no client certificate: a node needs one, and serves with it", file));
  }
  return access;
}

Result<void> Work(AgentConfig config) {
  FillFromHost(config);
  Paths paths(config.data_dir, config.run_dir);
  TRY_VOID(os::MakeDirs(paths.data(), 0700));
  TRY_VOID(os::MakeDirs(paths.agent(), 0700));
  TRY_VOID(os::Chmod(paths.agent(), 0700));
  TRY_VOID(os::MakeDirs(paths.run(), 0755));
  TRY(DirectoryLock lock, DirectoryLock::Take(paths.agent_lock(), "--data-dir"));
  TRY(DirectoryLock run_lock, DirectoryLock::Take(paths.agent_run_lock(), "--run-dir"));
  TRY(client::ClientConfig access, AccessOf(config, paths));
  PrepareSignals();
  RaiseFileLimit();
  TRY_VOID(WritePidFile(paths.agent_pid_file()));

  Runtime runtime;
  NodeComponents node(runtime, config, access);
  Supervisor supervisor(*runtime.clock);
  supervisor.Add(HeapsComponent(runtime));
  supervisor.Add(ActorComponent("pulse", *runtime.pool, *runtime.clock, [&](CancelToken stop) {
    return ShowPulse(runtime.clock.get(), &runtime.blocking, paths.agent_run_lock(), node.executors(), std::move(stop));
  }));
  node.AddTo(supervisor);
  AccessFollowing following{[&] { return AccessOf(config, paths); },
                            [&](const client::ClientConfig& now) { return node.SetAccess(now); }};
  supervisor.Add(ActorComponent("access", *runtime.pool, *runtime.clock, [&](CancelToken stop) {
    return FollowAccess(runtime.clock.get(), &runtime.blocking, following, access, std::move(stop));
  }));
  auto served = ServeUntilSignal(runtime, supervisor);
  (void)os::RemoveFile(paths.agent_pid_file());
  return served;
}

}  // namespace

cli::Verb AgentVerb() {
  auto config = std::make_shared<AgentConfig>();
  cli::Verb verb{.name = "agent",
                 .summary = "Run a node: pods, Services and DNS of this machine. `sampan server` starts one by itself.",
                 .options = {},
                 .default_config = kDefaultAgentConfigFile,
                 .run = nullptr};
  Declare(*config, verb.options);
  verb.run = [config] { return RunVerb(*config, Work); };
  return verb;
}

}  // namespace sampan::daemon
