#include "apiserver/auth/auth_system.h"

#include "apiserver/auth/node_authorizer.h"
#include "apiserver/auth/rbac.h"
#include "apiserver/auth/role_writer.h"
#include "async/spawn.h"

namespace sampan::apiserver::auth {
namespace {

// system:masters, then nodes, then RBAC; a refusal carries the reasons of all who gave one.
class AllAuthorizers final : public Authorizer {
 public:
  AllAuthorizers(const Lookup& lookup, const Rbac& rbac) : nodes_(NewNodeAuthorizer(lookup)), rbac_(rbac) {}

  Decision Authorize(const Attributes& attributes) const override { return Ask(attributes, &Rbac::Authorize); }
  Decision Explain(const Attributes& attributes) const override { return Ask(attributes, &Rbac::Explain); }
  const RuleSource* rules() const override { return &rbac_; }

 private:
  Decision Ask(const Attributes& attributes, Decision (Rbac::*ask)(const Attributes&) const) const {
    if (attributes.user->InGroup(kMastersGroup)) return {true, ""};
    Decision node = nodes_->Authorize(attributes);
    if (node.allowed) return node;
    Decision rbac = (rbac_.*ask)(attributes);
    if (rbac.allowed || node.reason.empty()) return rbac;
    if (!rbac.reason.empty()) node.reason += ", " + rbac.reason;
    return node;
  }

  std::unique_ptr<Authorizer> nodes_;
  const Rbac& rbac_;
};

}  // namespace

struct AuthSystem::State {
  State(store::CacheSet& cache_set, Executor& executor)
      : caches(cache_set),
        background(executor),
        lookup(NewCacheLookup(cache_set)),
        rbac(cache_set, executor),
        authorizer(*lookup, rbac) {}

  store::CacheSet& caches;
  Executor& background;
  std::unique_ptr<Lookup> lookup;
  Rbac rbac;
  AllAuthorizers authorizer;
  StaticTokens static_tokens;
  std::unique_ptr<ServiceAccountTokens> tokens;
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<Reviews> reviews;
  CancelSource stop;
  Gate gate;
};

AuthSystem::AuthSystem(std::unique_ptr<State> state) : state_(std::move(state)) {}
AuthSystem::~AuthSystem() = default;

Result<std::unique_ptr<AuthSystem>> AuthSystem::Create(AuthOptions options, store::CacheSet& caches, Executor& background,
                                                       Clock& clock, Rng& rng) {
  auto state = std::make_unique<State>(caches, background);
  if (!options.token_auth_file.empty()) {
    TRY(state->static_tokens, StaticTokens::Load(options.token_auth_file));
  }
  TRY(state->tokens, NewServiceAccountTokens(std::move(options.tokens), *state->lookup, clock, rng));
  state->authenticator = NewAuthenticator(state->static_tokens, *state->tokens);
  state->reviews = std::make_unique<Reviews>(state->static_tokens, *state->tokens, state->authorizer, *state->lookup);
  return std::unique_ptr<AuthSystem>(new AuthSystem(std::move(state)));
}

Task<Result<void>> AuthSystem::Start() {
  return state_->rbac.Start();
}

Task<Result<void>> AuthSystem::WriteDefaultRoles(client::Client* client) {
  CO_TRY_VOID(co_await EnsureDefaultRoles(client, &state_->caches));
  Spawn(state_->background, state_->gate, KeepRolesAggregated(client, &state_->caches, state_->stop.token()));
  co_return Result<void>();
}

Task<void> AuthSystem::Stop() {
  state_->stop.Cancel();
  co_await state_->gate.Close();
  co_await state_->rbac.Stop();
}

Authenticator& AuthSystem::authenticator() {
  return *state_->authenticator;
}

Authorizer& AuthSystem::authorizer() {
  return state_->authorizer;
}

const Reviews& AuthSystem::reviews() const {
  return *state_->reviews;
}

}  // namespace sampan::apiserver::auth
