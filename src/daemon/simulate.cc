// `sampan simulate`: nodes that run nothing, to size a cluster.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "api/meta/quantity.h"
#include "async/spawn.h"
#include "base/log.h"
#include "client/http_transport.h"
#include "client/informer.h"
#include "client/kubeconfig.h"
#include "daemon/process.h"
#include "daemon/runtime.h"
#include "daemon/verbs.h"
#include "node/simulate/simulation.h"

namespace sampan::daemon {
namespace {

struct SimulateConfig {
  std::string kubeconfig;
  node::SimulationOptions simulation;
};

OptionCheck IsQuantity() {
  return [](std::string_view text) -> std::string {
    auto quantity = api::Quantity::Parse(text);
    return quantity && quantity->Sign() > 0 ? "" : "an amount such as 4, 500m or 64Gi";
  };
}

std::string DefaultKubeconfig() {
  const char* named = std::getenv("KUBECONFIG");
  return named != nullptr && *named != '\0' ? named : "/var/lib/sampan/admin.kubeconfig";
}

Result<void> Simulate(const SimulateConfig& config) {
  PrepareSignals();
  RaiseFileLimit();
  TRY(client::ClientConfig access, client::LoadKubeconfig(config.kubeconfig));
  Runtime runtime;
  TRY(std::unique_ptr<client::Client> api,
      client::NewHttpClient(runtime.loops, *runtime.clock, access, {.user_agent = "sampan-simulate"}));
  client::InformerFactory informers(*api, *runtime.pool, *runtime.clock, *runtime.rng);
  node::Simulation simulation({*api, informers, *runtime.pool, *runtime.clock}, config.simulation);

  CancelSource stop;
  std::thread signals([&stop] {
    WaitForStopSignal();
    stop.Cancel();
  });
  auto played = SyncWait(*runtime.pool, simulation.Run(stop.token()));
  if (!played) pthread_kill(signals.native_handle(), SIGTERM);
  signals.join();
  SyncWait(*runtime.pool, informers.Stop());
  node::SimulationCounts counts = simulation.counts();
  std::printf("%ld nodes, %ld pods started, %ld removed, %ld requests failed\n", counts.nodes, counts.pods_started,
              counts.pods_removed, counts.failures);
  return played;
}

}  // namespace

cli::Verb SimulateVerb() {
  auto config = std::make_shared<SimulateConfig>();
  config->kubeconfig = DefaultKubeconfig();
  cli::Verb verb{.name = "simulate",
                 .summary = "Register nodes that run nothing and answer for their pods, to size a cluster; until stopped.",
                 .options = {},
                 .default_config = "",
                 .run = nullptr};
  node::SimulationOptions& simulation = config->simulation;
  verb.options.Add(&config->kubeconfig, "kubeconfig", "FILE", "Which cluster, and as whom.");
  verb.options.Add(&simulation.nodes, "nodes", "N", "How many nodes.", 1, 100'000);
  verb.options.Add(&simulation.name_prefix, "name-prefix", "NAME", "Nodes are named NAME-0, NAME-1, ...", IsDnsName());
  verb.options.Add(&simulation.cpu, "cpu", "QUANTITY", "Processors of a node.", IsQuantity());
  verb.options.Add(&simulation.memory, "memory", "QUANTITY", "Memory of a node.", IsQuantity());
  verb.options.Add(&simulation.max_pods, "max-pods", "N", "Most pods on a node.", 1, 100'000);
  verb.options.Add(&simulation.lease_period, "lease-period", "DURATION", "Time between renewals of a node's Lease.");
  verb.options.Add(&simulation.pod_start_delay, "pod-start-delay", "DURATION", "Time from binding to Ready.");
  verb.run = [config] {
    auto done = Simulate(*config);
    if (done) return 0;
    std::fprintf(stderr, "sampan: %s\n", done.error().message().c_str());
    return 1;
  };
  return verb;
}

}  // namespace sampan::daemon
