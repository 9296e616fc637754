#include "apiserver/server.h"

#include <unistd.h>

#include <algorithm>

#include "api/types/core.h"
#include "apiserver/admission/storage_share.h"
#include "apiserver/bootstrap.h"
#include "apiserver/errors.h"
#include "apiserver/gate/in_process.h"
#include "apiserver/http/dispatch.h"
#include "apiserver/http/virtual_kinds.h"
#include "apiserver/registry/expiry.h"
#include "apiserver/registry/strategies.h"
#include "async/gate.h"
#include "async/spawn.h"
#include "base/check.h"
#include "base/log.h"

namespace sampan::apiserver {

namespace {

AddressRange RangeOf(const ServerOptions& options) {
  Result<AddressRange> range = AddressRange::Parse(options.service_cluster_ip_range);
  CHECK(range.has_value());  // the configuration was checked by CheckOptions
  return *range;
}

StrategyOptions StrategyOptionsOf(const ServerOptions& options) {
  return {RangeOf(options), options.node_port_min, options.node_port_max, options.event_ttl};
}

HttpOptions HttpOptionsOf(const ServerOptions& options) {
  HttpOptions http;
  http.version = options.version;
  http.advertise_address = options.advertise_address;
  http.secure_port = options.secure_port;
  http.kubelet_tls = options.kubelet_tls;
  return http;
}

GateOptions GateOptionsOf(const ServerOptions& options) {
  GateOptions gate;
  gate.limits = {options.max_readonly_in_flight, options.max_mutating_in_flight, options.max_watches};
  gate.audit = options.audit;
  return gate;
}

size_t MachineMemory() {
  return static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// Strategies are added before the metrics size their table.
Registry& Fill(Registry& registry, const Strategies& strategies) {
  for (const Strategies::Entry& entry : strategies.entries()) registry.Add(*entry.kind, *entry.strategy);
  registry.AddAdmission(NewNamespaceLifecycle());
  registry.AddAdmission(NewServiceAccountAdmission());
  registry.AddAdmission(NewPodDefaults());
  registry.AddAdmission(NewNodeRestriction());
  registry.AddAdmission(NewStorageShare({.all = std::min(StorageLimits().all, MachineMemory() / 4)}));
  return registry;
}

}  // namespace

struct ApiServer::Impl {
  Impl(const ServerDependencies& deps, ServerOptions server_options)
      : background(deps.background),
        options(std::move(server_options)),
        strategies(StrategyOptionsOf(options), deps.authorizer, deps.rng),
        registry({deps.store, deps.caches, deps.clock, deps.rng}),
        core{Fill(registry, strategies), deps.authorizer},
        metrics(registry),
        gate(core, metrics, GateOptionsOf(options)),
        context(core, gate, metrics, deps.authenticator, deps.loops, HttpOptionsOf(options)) {
    if (deps.reviews != nullptr) ServeReviews(context, *deps.reviews);
  }

  Executor& background;
  const ServerOptions options;
  Strategies strategies;
  Registry registry;
  Core core;
  Metrics metrics;
  RequestGate gate;
  HttpContext context;
  CancelSource stop;
  Gate periodic;
};

Result<void> CheckOptions(const ServerOptions& options) {
  auto range = AddressRange::Parse(options.service_cluster_ip_range);
  if (!range) return Fail(std::move(range).error());
  if (options.node_port_min == 0 || options.node_port_min > options.node_port_max) {
    return Fail(Error::BadRequest("node ports {}-{} are no range", options.node_port_min, options.node_port_max));
  }
  return {};
}

ApiServer::ApiServer(const ServerDependencies& dependencies, ServerOptions options)
    : impl_(std::make_unique<Impl>(dependencies, std::move(options))) {}

ApiServer::~ApiServer() = default;

Task<Result<void>> ApiServer::Start() {
  Impl& self = *impl_;
  CO_TRY_VOID(co_await self.registry.Ready());
  const Resource* services = self.registry.Find(api::KindOf<api::core::Service>());
  self.strategies.services().Recover(services->cache->List({}).items);
  BootstrapOptions bootstrap{self.options.advertise_address, self.options.secure_port,
                             self.strategies.services().range().At(1)};
  self.gate.Open();
  CO_TRY_VOID(co_await WriteClusterObjects(&self.registry, bootstrap));
  Spawn(self.background, self.periodic, KeepClusterObjects(&self.registry, std::move(bootstrap), self.stop.token()));
  Spawn(self.background, self.periodic, RunExpiry(&self.registry, self.stop.token()));
  self.context.ready.store(true);
  co_return Result<void>{};
}

void ApiServer::EndStreams() {
  impl_->context.streams.Cancel();
}

Task<void> ApiServer::Stop() {
  impl_->stop.Cancel();
  co_await impl_->gate.Close();
  co_await impl_->periodic.Close();
  if (impl_->gate.audits()) co_await impl_->gate.audit().sink->Close();
}

net::Response ApiServer::ErrorPage(int status, std::string_view reason) {
  std::string text = status == 413 ? fmt::format("Request entity too large: {}", reason) : std::string(reason);
  return JsonResponse(status, FailureStatus(Error(ReasonFromStatus("", status), std::move(text)), status));
}

void ApiServer::SetKubeletTls(std::shared_ptr<const net::TlsClientOptions> tls) {
  impl_->context.connections.SetKubeletTls(std::move(tls));
}

net::Handler ApiServer::handler() {
  return [context = &impl_->context](net::Request& request, net::ResponseWriter& writer) {
    return Dispatch(context, &request, &writer);
  };
}

std::unique_ptr<client::Client> ApiServer::InProcess(auth::UserInfo identity) {
  return NewInProcessClient(impl_->gate, std::move(identity));
}

}  // namespace sampan::apiserver
