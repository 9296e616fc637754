#include "daemon/node_support.h"

#include "apiserver/auth/auth.h"
#include "client/informer.h"
#include "daemon/actor_component.h"
#include "daemon/agent_process.h"
#include "daemon/node_components.h"
#include "daemon/own_node.h"
#include "daemon/process.h"
#include "dns/publisher.h"

namespace sampan::daemon {

struct NodeSupport::State {
  State(Runtime& runtime, const ServerConfig& config, const Paths& paths, ControlPlane& control_plane)
      : runtime(runtime), config(config), paths(paths), control_plane(control_plane) {}

  Task<void> RunAgent(CancelToken stop);
  Task<void> LabelNode(CancelToken stop);
  Task<void> PublishDns(CancelToken stop);

  Runtime& runtime;
  const ServerConfig& config;
  const Paths& paths;
  ControlPlane& control_plane;
};

Task<void> NodeSupport::State::RunAgent(CancelToken stop) {
  AgentProcess agent({*runtime.clock, runtime.blocking, paths}, OwnProgram(), AgentArguments(config));
  co_await agent.Run(std::move(stop));
}

Task<void> NodeSupport::State::LabelNode(CancelToken stop) {
  std::unique_ptr<client::Client> client =
      control_plane.ClientFor({.name = "system:apiserver", .groups = {std::string(apiserver::auth::kMastersGroup)}});
  client::InformerFactory informers(*client, *runtime.pool, *runtime.clock, *runtime.rng);
  {
    OwnNode node({*client, informers, *runtime.pool, *runtime.clock}, config.node_name, LabelsOf(config));
    co_await node.Run(std::move(stop));
  }
  co_await informers.Stop();
}

Task<void> NodeSupport::State::PublishDns(CancelToken stop) {
  std::unique_ptr<client::Client> client =
      control_plane.ClientFor({.name = "system:kube-dns", .groups = {std::string(apiserver::auth::kAuthenticatedGroup)}});
  dns::PublisherOptions options;
  options.node_name = config.node_name;
  options.node_address = config.node_ip;
  options.cluster_domain = config.cluster_domain;
  options.cluster_ips = {DnsAddress(config)};
  dns::Publisher publisher(*client, *runtime.clock, std::move(options));
  co_await publisher.Run(std::move(stop));
}

NodeSupport::NodeSupport(Runtime& runtime, const ServerConfig& config, const Paths& paths, ControlPlane& control_plane)
    : state_(std::make_unique<State>(runtime, config, paths, control_plane)) {}
NodeSupport::~NodeSupport() = default;

void NodeSupport::AddTo(Supervisor& supervisor) {
  State* state = state_.get();
  Executor& pool = *state->runtime.pool;
  supervisor.Add(ActorComponent("node labels", pool, *state->runtime.clock,
                                [state](CancelToken stop) { return state->LabelNode(std::move(stop)); }));
  if (!state->config.Disabled("dns")) {
    supervisor.Add(ActorComponent("dns names", pool, *state->runtime.clock,
                                  [state](CancelToken stop) { return state->PublishDns(std::move(stop)); }));
  }
  supervisor.Add(ActorComponent("agent", pool, *state->runtime.clock,
                                [state](CancelToken stop) { return state->RunAgent(std::move(stop)); }));
}

}  // namespace sampan::daemon
