#include "sim/server_process.h"

#include "apiserver/auth/auth_system.h"
#include "async/spawn.h"
#include "client/informer.h"
#include "controllers/manager.h"
#include "scheduler/scheduler.h"

namespace sampan::sim {
namespace {

using apiserver::auth::UserInfo;

UserInfo Identity(std::string name) {
  return {.name = std::move(name), .uid = "", .groups = {std::string(apiserver::auth::kAuthenticatedGroup)}, .extra = {}};
}

}  // namespace

ServerProcess::ServerProcess(Deps deps, std::unique_ptr<SimStore> store) : deps_(deps), store_(std::move(store)) {
  caches_.emplace(*store_, deps_.executor, deps_.clock);
}
ServerProcess::~ServerProcess() = default;

Task<Result<void>> ServerProcess::Start() {
  Gate::Holder holder = starting_.Enter();
  auto started = co_await StartParts();
  co_return started;
}

Task<Result<void>> ServerProcess::StartParts() {
  apiserver::auth::AuthOptions options;
  options.tokens.signing_key_pem = deps_.signing_key_pem;
  CO_TRY(auth_, apiserver::auth::AuthSystem::Create(std::move(options), *caches_, deps_.executor, deps_.clock, deps_.rng));
  CO_TRY_VOID(co_await auth_->Start());
  api_.emplace(apiserver::ServerDependencies{*store_, *caches_, auth_->authenticator(), auth_->authorizer(), deps_.clock,
                                             deps_.rng, deps_.executor, deps_.loops, &auth_->reviews()},
               apiserver::ServerOptions());
  CO_TRY_VOID(co_await api_->Start());
  root_ = api_->InProcess({.name = "system:apiserver", .groups = {std::string(apiserver::auth::kMastersGroup)}});
  CO_TRY_VOID(co_await auth_->WriteDefaultRoles(root_.get()));
  if (stop_.token().Requested()) co_return Fail(Error::ServiceUnavailable("stopped"));
  life_ = deps_.door.Open(*api_);
  Spawn(deps_.executor, components_, RunControllers());
  Spawn(deps_.executor, components_, RunScheduler());
  co_return Result<void>();
}

Task<void> ServerProcess::RunControllers() {
  std::unique_ptr<client::Client> client = deps_.door.ClientFor(Identity("system:kube-controller-manager"));
  controllers::ManagerOptions options;
  options.root_ca_pem = "the cluster's";
  options.node_ipam.cluster_cidr = "10.0.0.0/8";
  controllers::ControllerManager manager(*client, deps_.executor, deps_.clock, deps_.rng, std::move(options));
  co_await manager.Run(stop_.token());
}

Task<void> ServerProcess::RunScheduler() {
  std::unique_ptr<client::Client> client = deps_.door.ClientFor(Identity("system:kube-scheduler"));
  client::InformerFactory informers(*client, deps_.executor, deps_.clock, deps_.rng);
  {
    scheduler::Scheduler scheduler({*client, informers, deps_.executor, deps_.clock, deps_.rng}, {});
    co_await scheduler.Run(stop_.token());
  }
  co_await informers.Stop();
}

Task<void> ServerProcess::Stop() {
  stop_.Cancel();
  if (starting_.holders() > 0) {
    // It waits for caches that a dead store will never fill.
    caches_stopped_ = true;
    co_await caches_->Stop();
  }
  co_await starting_.Close();
  co_await components_.Close();
  deps_.door.Cut();
  if (api_) co_await api_->Stop();
  if (life_ != nullptr) co_await life_->calls.Close();
  if (auth_ != nullptr) co_await auth_->Stop();
  root_.reset();
  api_.reset();
  if (!caches_stopped_) co_await caches_->Stop();
  auth_.reset();
  caches_.reset();
  store_->Die();
}

}  // namespace sampan::sim
