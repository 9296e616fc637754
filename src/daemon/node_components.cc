#include "daemon/node_components.h"

#include "async/spawn.h"
#include "base/log.h"
#include "client/informer.h"
#include "daemon/actor_component.h"
#include "daemon/host.h"
#include "dns/dns.h"
#include "node/agent.h"
#include "proxy/proxy.h"

namespace sampan::daemon {
namespace {

// The cluster's DNS is the tenth address of the Services' network.
constexpr uint32_t kDnsIndex = 10;
// A part that cannot start (no runtime, a taken port) is tried again: the reason may pass.
constexpr Duration kRetryDelay = std::chrono::seconds(5);

std::string DnsAddress(const NodeConfig& config) {
  return AddressIn(config.service_cluster_ip_range, kDnsIndex);
}

node::AgentOptions AgentOptionsOf(const NodeConfig& config) {
  node::AgentOptions options;
  options.paths.data = config.data_dir;
  options.paths.run = config.run_dir;
  options.node_name = config.node_name;
  options.node_ip = config.node_ip;
  options.runtime_endpoint = config.container_runtime_endpoint;
  if (!config.Disabled("dns")) options.cluster_dns = DnsAddress(config);
  options.cluster_domain = config.cluster_domain;
  options.cluster_cidr = config.cluster_cidr;
  options.port = config.kubelet_port;
  for (const std::string& label : config.node_labels) {
    size_t equals = label.find('=');
    options.labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  options.max_pods = config.max_pods;
  options.pod_max_pids = config.pod_max_pids;
  options.static_pod_dir = config.static_pod_dir;
  options.role = node::AgentOptions::Role::kControlPlane;
  return options;
}

}  // namespace

struct NodeComponents::State {
  State(Runtime& runtime, const NodeConfig& config, const Certificates& certificates, ControlPlane& control_plane)
      : runtime(runtime), config(config), certificates(certificates), control_plane(control_plane) {}

  Task<Result<void>> StartClient();
  Task<void> StopClient();
  Task<void> RunAgent(CancelToken stop);
  Task<void> RunProxy(CancelToken stop);
  Task<void> RunDns(CancelToken stop);
  Task<Result<void>> PlayAgent(CancelToken stop);
  Task<Result<void>> PlayProxy(CancelToken stop);
  Task<Result<void>> PlayDns(CancelToken stop);
  Task<void> Persist(std::string name, Task<Result<void>> (State::*play)(CancelToken), CancelToken stop);

  Runtime& runtime;
  const NodeConfig& config;
  const Certificates& certificates;
  ControlPlane& control_plane;
  std::unique_ptr<client::Client> node_client;
  std::unique_ptr<client::Client> proxy_client;
  std::unique_ptr<client::Client> dns_client;
  std::optional<client::InformerFactory> node_informers;
  std::optional<client::InformerFactory> proxy_informers;
  std::optional<client::InformerFactory> dns_informers;
};

Task<Result<void>> NodeComponents::State::StartClient() {
  namespace auth = apiserver::auth;
  std::string authenticated(auth::kAuthenticatedGroup);
  node_client = control_plane.ClientFor(
      {.name = std::string(auth::kNodeUserPrefix) + config.node_name,
       .groups = {std::string(auth::kNodesGroup), std::string(auth::kControlPlaneNodesGroup), authenticated}});
  proxy_client = control_plane.ClientFor({.name = "system:kube-proxy", .groups = {authenticated}});
  dns_client = control_plane.ClientFor({.name = "system:kube-dns", .groups = {authenticated}});
  node_informers.emplace(*node_client, *runtime.pool, *runtime.clock, *runtime.rng);
  proxy_informers.emplace(*proxy_client, *runtime.pool, *runtime.clock, *runtime.rng);
  dns_informers.emplace(*dns_client, *runtime.pool, *runtime.clock, *runtime.rng);
  co_return Result<void>();
}

Task<void> NodeComponents::State::StopClient() {
  co_await dns_informers->Stop();
  co_await node_informers->Stop();
  co_await proxy_informers->Stop();
}

Task<void> NodeComponents::State::Persist(std::string name, Task<Result<void>> (State::*play)(CancelToken),
                                          CancelToken stop) {
  while (!stop.Requested()) {
    auto played = co_await (this->*play)(stop);
    if (played) co_return;
    LOG_ERROR("node", "{}: {}; trying again in {}", name, played.error(), FormatDuration(kRetryDelay));
    co_await runtime.clock->Sleep(kRetryDelay, stop);
  }
}

Task<Result<void>> NodeComponents::State::PlayAgent(CancelToken stop) {
  node::AgentDeps deps{.client = *node_client,
                       .informers = *node_informers,
                       .clock = *runtime.clock,
                       .rng = *runtime.rng,
                       .executor = *runtime.pool,
                       .blocking = runtime.blocking,
                       .loops = runtime.loops,
                       .serving = certificates.kubelet,
                       .client_ca_pem = certificates.ca_pem};
  node::Agent agent(std::move(deps), AgentOptionsOf(config));
  auto ended = co_await agent.Run(std::move(stop));
  co_return ended;
}

Task<Result<void>> NodeComponents::State::PlayProxy(CancelToken stop) {
  CO_TRY(std::unique_ptr<proxy::Kernel> kernel, proxy::NewLinuxKernel());
  proxy::ProxyOptions options;
  options.node_name = config.node_name;
  options.cluster_cidr = config.cluster_cidr;
  options.masquerade_pods = proxy::MasqueradePods::kYes;  // the bridge plugin's configuration leaves it to the proxy
  if (!config.Disabled("dns")) options.local_cluster_ips = {DnsAddress(config)};
  std::unique_ptr<proxy::HealthPorts> health = proxy::NewHealthPorts(runtime.loops);
  proxy::Proxy proxy(*proxy_informers, *runtime.pool, runtime.blocking, *runtime.clock, *kernel, health.get(),
                     std::move(options));
  auto ended = co_await proxy.Run(std::move(stop));
  co_return ended;
}

Task<Result<void>> NodeComponents::State::PlayDns(CancelToken stop) {
  std::unique_ptr<dns::HostAddresses> host = dns::NewLoopbackAddresses();
  dns::DnsOptions options;
  options.node_name = config.node_name;
  options.node_address = config.node_ip;
  options.cluster_domain = config.cluster_domain;
  options.cluster_ips = {DnsAddress(config)};
  dns::Dns dns(*dns_client, *dns_informers, *runtime.pool, runtime.blocking, *runtime.clock, *runtime.rng, host.get(),
               std::move(options));
  auto ended = co_await dns.Run(std::move(stop));
  co_return ended;
}

Task<void> NodeComponents::State::RunAgent(CancelToken stop) {
  return Persist("agent", &State::PlayAgent, std::move(stop));
}
Task<void> NodeComponents::State::RunProxy(CancelToken stop) {
  return Persist("proxy", &State::PlayProxy, std::move(stop));
}
Task<void> NodeComponents::State::RunDns(CancelToken stop) {
  return Persist("dns", &State::PlayDns, std::move(stop));
}

NodeComponents::NodeComponents(Runtime& runtime, const NodeConfig& config, const Certificates& certificates,
                               ControlPlane& control_plane)
    : state_(std::make_unique<State>(runtime, config, certificates, control_plane)) {}
NodeComponents::~NodeComponents() = default;

void NodeComponents::AddTo(Supervisor& supervisor) {
  State* state = state_.get();
  Executor& pool = *state->runtime.pool;
  supervisor.Add({"node client", [state] { return state->StartClient(); }, [state] { return state->StopClient(); }});
  if (!state->config.Disabled("proxy")) {
    supervisor.Add(ActorComponent("proxy", pool, *state->runtime.clock,
                                  [state](CancelToken stop) { return state->RunProxy(std::move(stop)); }));
  }
  if (!state->config.Disabled("dns")) {
    supervisor.Add(ActorComponent("dns", pool, *state->runtime.clock,
                                  [state](CancelToken stop) { return state->RunDns(std::move(stop)); }));
  }
  supervisor.Add(ActorComponent("agent", pool, *state->runtime.clock,
                                [state](CancelToken stop) { return state->RunAgent(std::move(stop)); }));
}

Result<void> TearDownNode(const NodeConfig& config) {
  Runtime runtime;
  auto torn = SyncWait(*runtime.pool, node::TearDown(&runtime.blocking, runtime.clock.get(), AgentOptionsOf(config)));
  auto kernel = proxy::NewLinuxKernel();
  if (!kernel) return Fail(kernel.error());
  auto cleaned = (*kernel)->Apply(proxy::RuleSet::Remove(proxy::IpFamily::kIpv4));
  auto removed = dns::NewLoopbackAddresses()->Remove(DnsAddress(config));
  if (!torn) return torn;
  return cleaned ? removed : cleaned;
}

}  // namespace sampan::daemon
