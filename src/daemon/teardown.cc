// `sampan teardown`
#include <unistd.h>

#include <memory>

#include "base/log.h"
#include "daemon/agent_process.h"
#include "daemon/config.h"
#include "daemon/node_components.h"
#include "daemon/paths.h"
#include "daemon/process.h"
#include "daemon/verb.h"
#include "daemon/verbs.h"
#include "os/file.h"

namespace sampan::daemon {
namespace {

Result<void> TearDown(const NodeConfig& config) {
  if (geteuid() != 0) return Fail(Error::Forbidden("a node is taken down by root: run `sudo sampan teardown`"));
  Paths paths(config.data_dir, config.run_dir);
  if (!os::Exists(paths.agent())) return {};  // never a node
  TRY(DirectoryLock server, DirectoryLock::Take(paths.lock(), "--data-dir"));
  // The agent of a server that was killed works on.
  TRY_VOID(EndAgent(paths));
  // Rules, interfaces and addresses are the machine's: while another's agent works there, they are its.
  if (auto ours = CheckRunDirectory(paths); !ours) {
    LOG_WARN("teardown", "nothing is taken down: {}", ours.error());
    return {};
  }
  TRY(DirectoryLock agent, DirectoryLock::Take(paths.agent_lock(), "--data-dir"));
  return TearDownNode(config);
}

}  // namespace

cli::Verb TeardownVerb() {
  auto config = std::make_shared<NodeConfig>();
  cli::Verb verb{.name = "teardown",
                 .summary =
                     "End the agent, pods, containerd, interfaces, rules and mounts of this machine's node, whose "
                     "server is stopped.",
                 .options = {},
                 .default_config = "",
                 .run = nullptr};
  DeclareTeardown(*config, verb.options);
  verb.run = [config] {
    SetLogLevel("warn");
    auto done = TearDown(*config);
    return done ? 0 : Complain(done.error());
  };
  return verb;
}

}  // namespace sampan::daemon
