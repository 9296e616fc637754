#include "sim/sim_node.h"

#include "async/spawn.h"
#include "node/pods/manager.h"
#include "node/registration/registrar.h"
#include "sim/history.h"

namespace sampan::sim {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;

node::Machine MachineOf(const std::string& name) {
  node::Machine machine;
  machine.hostname = name;
  machine.kernel = "6.1";
  machine.os_image = "Debian GNU/Linux 12";
  machine.architecture = "amd64";
  machine.machine_id = machine.boot_id = machine.system_uuid = name;
  machine.milli_cpu = kNodeMilliCpu;
  machine.memory_bytes = 8 * kGiB;
  machine.disk_bytes = 100 * kGiB;
  return machine;
}

std::unique_ptr<client::Client> Connect(Door& door, const std::string& node, const Door::Link& link) {
  return door.ClientFor(
      {.name = std::string(apiserver::auth::kNodeUserPrefix) + node,
       .groups = {std::string(apiserver::auth::kNodesGroup), std::string(apiserver::auth::kAuthenticatedGroup)}},
      link);
}

}  // namespace

// What node::Agent makes of the same parts, but for containerd, the kubelet API and the host's own limits.
struct SimNode::Agent {
  Agent(SimNode& node, int number)
      : deps(node.deps_),
        strand(NewStrand(deps.executor)),
        client(Connect(deps.door, node.name_, node.link_)),
        informers(*client, deps.executor, deps.clock, deps.rng),
        // Memory and disk of the machine that runs the simulation are no fact of the simulation's: no directory to look at.
        registrar({*client, node.runtime_, deps.clock, deps.blocking},
                  {.name = node.name_, .ip = fmt::format("192.0.2.{}", number + 1)}, MachineOf(node.name_), "/nonexistent"),
        events(*client, deps.clock, deps.rng, {.component = "kubelet", .host = node.name_}),
        paths{node.directory_ + "/data", node.directory_ + "/run", node.directory_ + "/logs"},
        volumes({*client, deps.clock, deps.blocking, paths}),
        status(*client, deps.clock, *strand) {}

  Task<void> Run(SimNode* node) {
    auto registered = co_await registrar.Register(stop.token());
    if (!registered || stop.token().Requested()) co_return;
    Spawn(*strand, gate, registrar.RenewLease(stop.token()));
    services.reset(new node::PodServices{.client = *client,
                                         .runtime = node->runtime_,
                                         .clock = deps.clock,
                                         .strand = *strand,
                                         .blocking = deps.blocking,
                                         .events = events,
                                         .volumes = volumes,
                                         .status = status,
                                         .service_list = informers.For<api::core::Service>(),
                                         .probes = {node->runtime_, deps.loops},
                                         .paths = paths,
                                         .dns = {},
                                         .cgroups = nullptr,
                                         .node_name = node->name_,
                                         .host_ip = "192.0.2.1",
                                         .allocatable = registrar.node().status.allocatable,
                                         .node_memory_bytes = 8 * kGiB});
    pods = std::make_unique<node::PodManager>(
        *services, informers.For<api::core::Pod>({.field_selector = "spec.nodeName=" + node->name_}));
    Spawn(*strand, gate, events.Run(stop.token()));
    Spawn(*strand, gate, pods->Run(stop.token()));
    Spawn(*strand, gate, registrar.WriteStatus(stop.token()));
  }

  Deps& deps;
  std::unique_ptr<Executor> strand;
  std::unique_ptr<client::Client> client;
  client::InformerFactory informers;
  node::Registrar registrar;
  client::EventRecorder events;
  node::Paths paths;
  node::Volumes volumes;
  node::StatusWriter status;
  std::unique_ptr<node::PodServices> services;
  std::unique_ptr<node::PodManager> pods;
  CancelSource stop;
  Gate gate;
};

SimNode::SimNode(Deps deps, int number, std::string directory)
    : deps_(deps), name_(fmt::format("node-{}", number)), directory_(std::move(directory)), runtime_(deps.clock, number) {
  for (int i = 0; i < 4; ++i) runtime_.AddImage(fmt::format("img:{}", i));
  runtime_.SetFault([this](std::string_view call) -> std::optional<Error> {
    if (!deps_.faults.Strike(Point::kRuntimeFails)) return std::nullopt;
    return Error::InternalError("{} failed", call);
  });
}
SimNode::~SimNode() = default;

void SimNode::StartAgent() {
  agent_ = std::make_unique<Agent>(*this, name_.back() - '0');
  Spawn(*agent_->strand, agent_->gate, agent_->Run(this));
}

Task<void> SimNode::StopAgent() {
  if (agent_ == nullptr) co_return;
  agent_->stop.Cancel();
  co_await agent_->status.Close();
  co_await agent_->gate.Close();
  co_await agent_->informers.Stop();
  agent_.reset();
}

Task<void> SimNode::Describe(std::vector<Picture::Sandbox>* sandboxes) {
  auto all = co_await runtime_.ListSandboxes({});
  auto containers = co_await runtime_.ListContainers({});
  if (!all || !containers) co_return;
  for (const cri::Sandbox& sandbox : *all) {
    auto runs = [&](const cri::Container& container) {
      return container.sandbox_id == sandbox.id && container.state == cri::ContainerState::kRunning;
    };
    sandboxes->push_back({name_, sandbox.uid, sandbox.state == cri::SandboxState::kReady,
                          static_cast<int>(std::ranges::count_if(*containers, runs))});
  }
}

}  // namespace sampan::sim
