#include "daemon/node_components.h"

#include "api/meta/ip_address.h"
#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "client/http_transport.h"
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
  options.service_cidr = config.service_cluster_ip_range;
  options.port = config.kubelet_port;
  options.labels = LabelsOf(config);
  options.max_pods = config.max_pods;
  options.pod_max_pids = config.pod_max_pids;
  options.static_pod_dir = config.static_pod_dir;
  return options;
}

// The API and this node's agent: no service of a user may draw their connections to itself.
std::set<proxy::KeptPort> KeptPorts(const NodeConfig& config, const client::ClientConfig& access) {
  std::set<proxy::KeptPort> kept{{"", config.kubelet_port}};
  Result<client::ServerUrl> api = client::ParseServerUrl(access.server);
  std::optional<api::IpAddress> address = api ? api::IpAddress::Parse(api->host) : std::nullopt;
  if (!address) return kept;
  kept.insert({address->loopback() ? "" : address->ToString(), api->port});
  return kept;
}

// Shows an agent as long as it is alive, however it ends.
class Shown {
 public:
  Shown(node::Agent** place, node::Agent* agent) : place_(place) { *place_ = agent; }
  ~Shown() { *place_ = nullptr; }
  Shown(const Shown&) = delete;

 private:
  node::Agent** place_;
};

}  // namespace

std::string DnsAddress(const NodeConfig& config) {
  return AddressIn(config.service_cluster_ip_range, kDnsIndex);
}

struct NodeComponents::State {
  State(Runtime& runtime, const NodeConfig& config, client::ClientConfig access)
      : runtime(runtime),
        config(config),
        kept(KeptPorts(config, access)),
        access(std::move(access)),
        strand(NewStrand(*runtime.pool)),
        pods_strand(NewStrand(*runtime.pool)) {}

  Task<Result<void>> StartClient();
  Task<void> StopClient();
  Task<void> RunAgent(CancelToken stop);
  Task<void> RunProxy(CancelToken stop);
  Task<void> RunDns(CancelToken stop);
  Task<Result<void>> SetAccess(client::ClientConfig now);
  Task<Result<void>> PlayAgent(CancelToken stop);
  Task<Result<void>> PlayProxy(CancelToken stop);
  Task<Result<void>> PlayDns(CancelToken stop);
  Task<void> Persist(std::string_view name, Task<Result<void>> (State::*play)(CancelToken), CancelToken stop);

  Runtime& runtime;
  const NodeConfig& config;
  const std::set<proxy::KeptPort> kept;
  client::ClientConfig access;            // of the strand, once components run
  std::unique_ptr<Executor> strand;       // of the agent's beginning, its end and its access
  std::unique_ptr<Executor> pods_strand;  // of what the agent knows
  node::Agent* agent = nullptr;           // of the strand: while it runs
  std::unique_ptr<client::HttpClient> client;
  std::optional<client::InformerFactory> informers;  // of all, so that what several follow is held once
};

Task<Result<void>> NodeComponents::State::StartClient() {
  CO_TRY(client, client::NewHttpClient(runtime.loops, *runtime.clock, access, {.user_agent = "sampan-agent"}));
  informers.emplace(*client, *runtime.pool, *runtime.clock, *runtime.rng);
  co_return Result<void>();
}

Task<void> NodeComponents::State::StopClient() {
  co_await informers->Stop();
}

Task<void> NodeComponents::State::Persist(std::string_view name, Task<Result<void>> (State::*play)(CancelToken),
                                          CancelToken stop) {
  while (!stop.Requested()) {
    auto played = co_await Contained(name, (this->*play)(stop));
    if (played) co_return;
    LOG_ERROR("node", "{}: {}; trying again in {}", name, played.error(), FormatDuration(kRetryDelay));
    co_await runtime.clock->Sleep(kRetryDelay, stop);
  }
}

Task<Result<void>> NodeComponents::State::PlayAgent(CancelToken stop) {
  node::AgentDeps deps{.client = *client,
                       .informers = *informers,
                       .clock = *runtime.clock,
                       .rng = *runtime.rng,
                       .strand = *pods_strand,
                       .blocking = runtime.blocking,
                       .loops = runtime.loops,
                       .serving = {access.client_certificate_pem, access.client_key_pem},
                       .client_ca_pem = access.ca_pem};
  node::Agent playing(std::move(deps), AgentOptionsOf(config));
  Shown shown(&agent, &playing);
  auto ended = co_await playing.Run(std::move(stop));
  co_return ended;
}

Task<Result<void>> NodeComponents::State::SetAccess(client::ClientConfig now) {
  CO_TRY_VOID(client->SetConfig(now));
  access = std::move(now);
  if (agent == nullptr) co_return Result<void>();
  co_return agent->SetServing({access.client_certificate_pem, access.client_key_pem}, access.ca_pem);
}

std::vector<Executor*> NodeComponents::executors() const {
  return {state_->runtime.pool.get(), &state_->runtime.loops.at(0), state_->strand.get(), state_->pods_strand.get()};
}

Task<Result<void>> NodeComponents::SetAccess(client::ClientConfig access) {
  return RunOn(*state_->strand, state_->SetAccess(std::move(access)));
}

Task<Result<void>> NodeComponents::State::PlayProxy(CancelToken stop) {
  CO_TRY(std::unique_ptr<proxy::Kernel> kernel, proxy::NewLinuxKernel());
  proxy::ProxyOptions options;
  options.node_name = config.node_name;
  options.cluster_cidr = config.cluster_cidr;
  options.masquerade_pods = proxy::MasqueradePods::kYes;  // the bridge plugin's configuration leaves it to the proxy
  if (!config.Disabled("dns")) options.local_cluster_ips = {DnsAddress(config)};
  options.service_cidr = config.service_cluster_ip_range;
  options.kept = kept;
  std::unique_ptr<proxy::HealthPorts> health = proxy::NewHealthPorts(runtime.loops);
  proxy::Proxy proxy(*informers, *runtime.pool, runtime.blocking, *runtime.clock, *kernel, health.get(), std::move(options));
  auto ended = co_await proxy.Run(std::move(stop));
  co_return ended;
}

Task<Result<void>> NodeComponents::State::PlayDns(CancelToken stop) {
  std::unique_ptr<dns::HostAddresses> host = dns::NewLoopbackAddresses();
  dns::DnsOptions options;
  options.cluster_domain = config.cluster_domain;
  options.cluster_ips = {DnsAddress(config)};
  dns::Dns dns(*informers, *runtime.pool, runtime.blocking, *runtime.clock, *runtime.rng, host.get(), std::move(options));
  auto ended = co_await dns.Run(std::move(stop));
  co_return ended;
}

Task<void> NodeComponents::State::RunAgent(CancelToken stop) {
  return RunOn(*strand, Persist("agent", &State::PlayAgent, std::move(stop)));
}
Task<void> NodeComponents::State::RunProxy(CancelToken stop) {
  return Persist("proxy", &State::PlayProxy, std::move(stop));
}
Task<void> NodeComponents::State::RunDns(CancelToken stop) {
  return Persist("dns", &State::PlayDns, std::move(stop));
}

NodeComponents::NodeComponents(Runtime& runtime, const NodeConfig& config, client::ClientConfig access)
    : state_(std::make_unique<State>(runtime, config, std::move(access))) {}
NodeComponents::~NodeComponents() = default;

void NodeComponents::AddTo(Supervisor& supervisor) {
  State* state = state_.get();
  Executor& pool = *state->runtime.pool;
  supervisor.Add({"client", [state] { return state->StartClient(); }, [state] { return state->StopClient(); }});
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
  auto cleaned = proxy::RemoveTable(**kernel, proxy::IpFamily::kIpv4);
  auto removed = dns::NewLoopbackAddresses()->Remove(DnsAddress(config));
  if (!torn) return torn;
  return cleaned ? removed : cleaned;
}

}  // namespace sampan::daemon
