#include "daemon/control_plane.h"

#include "apiserver/auth/auth_system.h"
#include "apiserver/server.h"
#include "async/contain.h"
#include "base/log.h"
#include "client/informer.h"
#include "controllers/manager.h"
#include "daemon/actor_component.h"
#include "net/server.h"
#include "scheduler/scheduler.h"
#include "store/cache.h"
#include "store/store.h"

namespace sampan::daemon {
namespace {

using apiserver::auth::UserInfo;

// Requests that run when the server stops get this long to end by themselves.
constexpr Duration kDrainTime = std::chrono::seconds(2);

UserInfo Identity(std::string name) {
  return {.name = std::move(name), .uid = "", .groups = {std::string(apiserver::auth::kAuthenticatedGroup)}, .extra = {}};
}

std::shared_ptr<const net::TlsClientOptions> KubeletTls(const Certificates& certificates) {
  auto tls = std::make_shared<net::TlsClientOptions>();
  tls->ca_pem = certificates.ca_pem;
  tls->certificate_pem = certificates.kubelet_client.certificate_pem;
  tls->key_pem = certificates.kubelet_client.key_pem;
  return tls;
}

std::shared_ptr<const net::TlsServerOptions> ApiTls(const Certificates& certificates) {
  auto tls = std::make_shared<net::TlsServerOptions>();
  tls->certificate_pem = certificates.api_server.certificate_pem;
  tls->key_pem = certificates.api_server.key_pem;
  tls->client_ca_pem = certificates.ca_pem;
  return tls;
}

apiserver::ServerOptions ApiOptions(const ServerConfig& config, const Certificates& certificates) {
  apiserver::ServerOptions options;
  options.service_cluster_ip_range = config.service_cluster_ip_range;
  size_t dash = config.service_node_port_range.find('-');
  options.node_port_min = static_cast<uint16_t>(std::stoi(config.service_node_port_range.substr(0, dash)));
  options.node_port_max = static_cast<uint16_t>(std::stoi(config.service_node_port_range.substr(dash + 1)));
  options.advertise_address = config.advertise_address;
  options.secure_port = config.secure_port;
  options.kubelet_tls = KubeletTls(certificates);
  return options;
}

}  // namespace

// In the order they are made; each uses only what stands above it.
struct ControlPlane::State {
  State(Runtime& runtime, const ServerConfig& config, const Paths& paths, const Certificates& certificates)
      : runtime(runtime), config(config), paths(paths), certificates(certificates) {}

  Task<Result<void>> StartStore();
  Task<void> StopStore();
  Task<Result<void>> StartAuth();
  Task<void> StopAuth();
  Task<Result<void>> StartApi();
  Task<void> StopApi();
  Task<void> RunControllers(CancelToken stop);
  Task<void> RunScheduler(CancelToken stop);
  Task<void> RunScheduler(client::Client* client, client::InformerFactory* informers, CancelToken stop);

  Runtime& runtime;
  const ServerConfig& config;
  const Paths& paths;
  const Certificates& certificates;

  std::unique_ptr<store::Store> store;
  std::optional<store::CacheSet> caches;
  std::unique_ptr<apiserver::auth::AuthSystem> auth;
  std::optional<apiserver::ApiServer> api;
  std::unique_ptr<client::Client> root;  // for what the server itself writes
  std::unique_ptr<net::Server> listener;
};

Task<Result<void>> ControlPlane::State::StartStore() {
  store::EmbeddedOptions options;
  options.directory = paths.db();
  auto open = [options] { return store::OpenEmbedded(options); };
  CO_TRY(store, co_await runtime.blocking.Run(std::move(open)));
  caches.emplace(*store, *runtime.pool, *runtime.clock);
  co_return Result<void>();
}

Task<void> ControlPlane::State::StopStore() {
  co_await caches->Stop();
  caches.reset();
  co_await runtime.blocking.Run([this] { store.reset(); });
}

Task<Result<void>> ControlPlane::State::StartAuth() {
  apiserver::auth::AuthOptions options;
  options.tokens.issuer = "https://kubernetes.default.svc." + config.cluster_domain;
  options.tokens.signing_key_pem = certificates.service_account_key_pem;
  options.token_auth_file = config.token_auth_file;
  CO_TRY(auth,
         apiserver::auth::AuthSystem::Create(std::move(options), *caches, *runtime.pool, *runtime.clock, *runtime.rng));
  co_return co_await auth->Start();
}

Task<void> ControlPlane::State::StopAuth() {
  co_await auth->Stop();
  auth.reset();
}

Task<Result<void>> ControlPlane::State::StartApi() {
  apiserver::ServerOptions options = ApiOptions(config, certificates);
  CO_TRY_VOID(apiserver::CheckOptions(options));
  if (!config.audit_policy_file.empty()) {
    CO_TRY(options.audit.policy, apiserver::audit::Policy::Load(config.audit_policy_file));
    options.audit.sink = apiserver::audit::NewLog(AuditLogOptions(config), *runtime.pool, *runtime.clock);
  }
  api.emplace(apiserver::ServerDependencies{*store, *caches, auth->authenticator(), auth->authorizer(), *runtime.clock,
                                            *runtime.rng, *runtime.pool, runtime.loops, &auth->reviews()},
              std::move(options));
  net::ServerOptions listen;
  listen.address = config.bind_address;
  listen.port = config.secure_port;
  listen.tls = ApiTls(certificates);
  listen.error_response = &apiserver::ApiServer::ErrorPage;
  CO_TRY(listener, net::Listen(runtime.loops, std::move(listen), api->handler()));
  auto started = co_await api->Start();
  if (started) {
    root = api->InProcess({.name = "system:apiserver", .groups = {std::string(apiserver::auth::kMastersGroup)}});
    started = co_await auth->WriteDefaultRoles(root.get());
  }
  if (!started) co_await StopApi();
  co_return started;
}

Task<void> ControlPlane::State::StopApi() {
  api->EndStreams();
  co_await listener->Stop(kDrainTime);
  co_await api->Stop();
  listener.reset();
  // The roles are kept up to date through the API server: their keeper ends before it.
  co_await StopAuth();
  root.reset();
  api.reset();
}

Task<void> ControlPlane::State::RunControllers(CancelToken stop) {
  std::unique_ptr<client::Client> client = api->InProcess(Identity("system:kube-controller-manager"));
  controllers::ManagerOptions options;
  options.root_ca_pem = certificates.ca_pem;
  options.node_ipam.cluster_cidr = config.cluster_cidr;
  controllers::ControllerManager manager(*client, *runtime.pool, *runtime.clock, *runtime.rng, std::move(options));
  co_await manager.Run(stop);
}

Task<void> ControlPlane::State::RunScheduler(CancelToken stop) {
  std::unique_ptr<client::Client> client = api->InProcess(Identity("system:kube-scheduler"));
  client::InformerFactory informers(*client, *runtime.pool, *runtime.clock, *runtime.rng);
  co_await Finally(RunScheduler(client.get(), &informers, std::move(stop)), informers.Stop());
}

Task<void> ControlPlane::State::RunScheduler(client::Client* client, client::InformerFactory* informers, CancelToken stop) {
  scheduler::Scheduler scheduler({*client, *informers, *runtime.pool, *runtime.clock, *runtime.rng}, {});
  co_await scheduler.Run(std::move(stop));
}

ControlPlane::ControlPlane(Runtime& runtime, const ServerConfig& config, const Paths& paths,
                           const Certificates& certificates)
    : state_(std::make_unique<State>(runtime, config, paths, certificates)) {}
ControlPlane::~ControlPlane() = default;

void ControlPlane::AddTo(Supervisor& supervisor) {
  State* state = state_.get();
  supervisor.Add({"store", [state] { return state->StartStore(); }, [state] { return state->StopStore(); }});
  supervisor.Add({"auth", [state] { return state->StartAuth(); }, nullptr});
  supervisor.Add({"apiserver", [state] { return state->StartApi(); }, [state] { return state->StopApi(); }});
  if (!state->config.Disabled("controllers")) {
    supervisor.Add(ActorComponent("controllers", *state->runtime.pool, *state->runtime.clock,
                                  [state](CancelToken stop) { return state->RunControllers(std::move(stop)); }));
  }
  if (!state->config.Disabled("scheduler")) {
    supervisor.Add(ActorComponent("scheduler", *state->runtime.pool, *state->runtime.clock,
                                  [state](CancelToken stop) { return state->RunScheduler(std::move(stop)); }));
  }
}

Result<void> ControlPlane::UseCertificates(const Certificates& all) {
  state_->api->SetKubeletTls(KubeletTls(all));
  return state_->listener->SetTls(ApiTls(all));
}

std::unique_ptr<client::Client> ControlPlane::ClientFor(apiserver::auth::UserInfo identity) {
  return state_->api->InProcess(std::move(identity));
}

}  // namespace sampan::daemon
