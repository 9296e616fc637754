#include "node/agent.h"

#include "async/contain.h"
#include "async/spawn.h"
#include "base/guarded.h"
#include "base/log.h"
#include "client/events.h"
#include "node/cni/bridge.h"
#include "node/containerd/supervisor.h"
#include "node/cri/operation_stats.h"
#include "node/eviction/disk_limits.h"
#include "node/eviction/eviction.h"
#include "node/eviction/image_garbage.h"
#include "node/images/pause_image.h"
#include "node/logs/rotation.h"
#include "node/pods/manager.h"
#include "node/registration/registrar.h"
#include "node/server/kubelet_server.h"
#include "os/file.h"
#include "os/netlink.h"

namespace sampan::node {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

ContainerdConfigOptions ContainerdOptions(const AgentOptions& options, OomScoreAdj oom_score_adj) {
  return {options.paths, options.cni_bin_dir, options.cni_conf_dir, std::string(kPauseImage), oom_score_adj};
}

AgentOptions Complete(AgentOptions options) {
  if (options.cni_conf_dir.empty()) options.cni_conf_dir = options.paths.CniConf();
  return options;
}

// What start finds out about this machine, all of it blocking.
struct Host {
  Machine machine;
  std::string ip;
  cri::DnsConfig dns;
  std::optional<os::Cgroups> cgroups;
  OomScoreAdj oom_score_adj = OomScoreAdj::kFree;
};

Result<Host> Explore(const AgentOptions& options) {
  Host host;
  TRY_VOID(os::MakeDirs(options.paths.Pods(), 0750));
  TRY(host.machine, ReadMachine(options.paths.data));
  host.ip = options.node_ip;
  if (host.ip.empty()) host.ip = os::DefaultHostAddress().value_or("127.0.0.1");
  host.dns = ParseResolvConf(os::ReadFile("/etc/resolv.conf", os::kConfigFileLimit).value_or(""));
  auto cgroups = os::Cgroups::Detect();
  if (cgroups) {
    host.cgroups = *std::move(cgroups);
    os::CgroupLimits least;
    least.cpu_shares = 2;
    TRY_VOID(host.cgroups->Create("/kubepods/burstable"));
    TRY_VOID(host.cgroups->Create("/kubepods/besteffort", least));
  } else {
    LOG_WARN("node", "no control groups: pods run without limits of their own ({})", cgroups.error());
  }
  if (options.runtime_endpoint.empty()) host.oom_score_adj = ProbeOomScoreAdj();
  return host;
}

// What the kubelet API is served with, and by what once it is.
struct Serving {
  net::KeyPair pair;
  std::string client_ca_pem;
  KubeletServer* server = nullptr;

  std::shared_ptr<const net::TlsServerOptions> Tls() const {
    auto tls = std::make_shared<net::TlsServerOptions>();
    tls->certificate_pem = pair.certificate_pem;
    tls->key_pem = pair.key_pem;
    tls->client_ca_pem = client_ca_pem;
    return tls;
  }
};

}  // namespace

struct Agent::State {
  State(AgentDeps given, AgentOptions options)
      : deps(std::move(given)), options(Complete(std::move(options))), serving(Serving{deps.serving, deps.client_ca_pem}) {}

  Task<Result<void>> Run(CancelToken stop);
  Task<Result<void>> Work(CancelToken stop);
  Task<Result<void>> StartRuntime(CancelToken stop);
  Task<Result<void>> StartNode(CancelToken stop);
  void StartPods(CancelToken stop);
  Result<void> StartServer();
  Task<void> TellWhenReady(CancelToken stop);

  AgentDeps deps;
  AgentOptions options;
  Guarded<Serving> serving;
  Host host;
  std::string node_name;
  cri::OperationStats operations;
  std::unique_ptr<cri::Runtime> runtime;
  std::unique_ptr<ContainerdSupervisor> containerd;
  std::unique_ptr<Registrar> registrar;
  std::unique_ptr<client::EventRecorder> events;
  std::unique_ptr<Volumes> volumes;
  std::unique_ptr<StatusWriter> status;
  std::unique_ptr<PodServices> services;
  std::unique_ptr<PodManager> pods;
  std::unique_ptr<KubeletServer> server;
  std::atomic<bool> ready{false};
  Gate gate;
};

Agent::Agent(AgentDeps deps, AgentOptions options) : state_(std::make_unique<State>(std::move(deps), std::move(options))) {}
Agent::~Agent() = default;

bool Agent::ready() const {
  return state_->ready;
}

Task<Result<void>> Agent::Run(CancelToken stop) {
  return RunOn(state_->deps.strand, state_->Run(std::move(stop)));
}

Task<Result<void>> Agent::State::Run(CancelToken stop) {
  CancelSource all(stop);  // ends what has been started when a later step fails, or something escapes it
  Result<void> started = co_await Contained("agent", Work(all.token()));
  all.Cancel();
  ready = false;
  if (server != nullptr) co_await server->Stop();
  if (status != nullptr) co_await status->Close();
  co_await gate.Close();
  if (!started && stop.Requested()) co_return Result<void>();
  co_return started;
}

Task<Result<void>> Agent::State::Work(CancelToken stop) {
  CO_TRY(host, co_await deps.blocking.Run([this] { return Explore(options); }));
  node_name = options.node_name.empty() ? host.machine.hostname : options.node_name;
  CO_TRY_VOID(co_await StartRuntime(stop));
  CO_TRY_VOID(co_await StartNode(stop));
  StartPods(stop);
  CO_TRY_VOID(StartServer());
  Spawn(deps.strand, gate, TellWhenReady(stop));
  Oneshot<bool> stopped;
  auto subscription = stop.OnCancel([sender = stopped.sender()]() mutable { sender.Set(true); });
  co_await stopped.Wait();
  co_return Result<void>();
}

Task<Result<void>> Agent::State::StartRuntime(CancelToken stop) {
  const bool own = options.runtime_endpoint.empty();
  runtime = cri::NewRuntime(own ? options.paths.ContainerdSocket() : options.runtime_endpoint, operations);
  if (!own) {
    auto version = co_await runtime->Version();
    if (!version) {
      co_return Fail(
          version.error().Annotate(fmt::format("the container runtime at {} does not answer", options.runtime_endpoint)));
    }
    co_return Result<void>();
  }
  containerd = std::make_unique<ContainerdSupervisor>(ContainerdSupervisor::Deps{deps.clock, deps.blocking, *runtime},
                                                      ContainerdOptions(options, host.oom_score_adj));
  CO_TRY_VOID(co_await containerd->Start(stop));
  Spawn(deps.strand, gate, containerd->Run(stop));
  co_return Result<void>();
}

Task<Result<void>> Agent::State::StartNode(CancelToken stop) {
  NodeIdentity identity;
  identity.name = node_name;
  identity.ip = host.ip;
  identity.control_plane = options.role == AgentOptions::Role::kControlPlane;
  identity.labels = options.labels;
  identity.max_pods = options.max_pods;
  identity.port = options.port;
  registrar = std::make_unique<Registrar>(Registrar::Deps{deps.client, *runtime, deps.clock, deps.blocking},
                                          std::move(identity), host.machine, options.paths.data);
  CO_TRY_VOID(co_await registrar->Register(stop));
  Spawn(deps.strand, gate, registrar->RenewLease(stop));
  CO_TRY(std::string pod_cidr, co_await registrar->EnsurePodCidr(options.cluster_cidr, stop));
  if (pod_cidr.empty()) co_return Result<void>();
  BridgeConf conf{options.bridge_name, pod_cidr, options.paths.CniIpam(), options.service_cidr};
  auto write = [dir = options.cni_conf_dir, conf]() -> Result<void> {
    TRY(WrittenConf written, WriteBridgeConf(dir, conf));
    return written == WrittenConf::kOurs ? EnsureBridge(conf) : Result<void>();
  };
  co_return co_await deps.blocking.Run(std::move(write));
}

void Agent::State::StartPods(CancelToken stop) {
  events = std::make_unique<client::EventRecorder>(
      deps.client, deps.clock, deps.rng,
      client::EventOptions{.component = "kubelet", .host = node_name, .queue_capacity = 1000});
  volumes =
      std::make_unique<Volumes>(Volumes::Deps{deps.client, deps.clock, deps.blocking, options.paths, SecretMedium::kMemory});
  status = std::make_unique<StatusWriter>(deps.client, deps.clock, deps.strand);
  services.reset(new PodServices{
      .client = deps.client,
      .runtime = *runtime,
      .clock = deps.clock,
      .strand = deps.strand,
      .blocking = deps.blocking,
      .events = *events,
      .volumes = *volumes,
      .status = *status,
      .service_list = deps.informers.For<api::core::Service>(),
      .probes = {*runtime, deps.loops},
      .paths = options.paths,
      .dns = {options.cluster_dns, options.cluster_domain, host.dns},
      .cgroups = host.cgroups ? &*host.cgroups : nullptr,
      .node_name = node_name,
      .host_ip = host.ip,
      .static_pod_dir = options.static_pod_dir,
      .allocatable = registrar->node().status.allocatable,
      .node_memory_bytes = host.machine.memory_bytes,
      .pod_max_pids = MaxPidsOf(options.pod_max_pids, host.machine.max_processes),
      .host_listeners = os::HostListeners,
  });
  auto informer = deps.informers.For<api::core::Pod>({.field_selector = "spec.nodeName=" + node_name});
  pods = std::make_unique<PodManager>(*services, informer);
  Spawn(deps.strand, gate, events->Run(stop));
  Spawn(deps.strand, gate, pods->Run(stop));
  Spawn(deps.strand, gate, registrar->WriteStatus(stop));
  Spawn(deps.strand, gate, RotateLogs(services.get(), pods.get(), {}, stop));
  Spawn(deps.strand, gate, EvictUnderPressure(services.get(), pods.get(), stop));
  Spawn(deps.strand, gate, EnforceDiskLimits(services.get(), pods.get(), stop));
  Spawn(deps.strand, gate, CollectImages(services.get(), stop));
}

Result<void> Agent::SetServing(net::KeyPair serving, std::string client_ca_pem) {
  auto current = state_->serving.Lock();
  current->pair = std::move(serving);
  current->client_ca_pem = std::move(client_ca_pem);
  if (current->server == nullptr) return {};  // it will start with them
  return current->server->SetTls(current->Tls());
}

Result<void> Agent::State::StartServer() {
  net::ServerOptions listen;
  listen.address = options.bind_address;
  listen.port = options.port;
  server = std::make_unique<KubeletServer>(KubeletServer::Deps{*services, *pods, deps.loops, operations});
  auto current = serving.Lock();
  listen.tls = current->Tls();
  TRY_VOID(server->Start(std::move(listen)));
  current->server = server.get();
  return {};
}

// The node's condition turns to Ready as soon as the runtime has read the network's configuration, not a period later.
Task<void> Agent::State::TellWhenReady(CancelToken stop) {
  while (!stop.Requested()) {
    auto conditions = co_await runtime->Status();
    bool all_true = conditions && std::ranges::all_of(*conditions, &cri::RuntimeCondition::status);
    if (all_true) break;
    co_await deps.clock.Sleep(milliseconds(50), stop);
  }
  if (stop.Requested()) co_return;
  co_await Contained("node status", registrar->WriteStatusNow());
  ready = true;
}

}  // namespace sampan::node
