// Authentication and authorization of one server, put together: what the daemon makes before the API server.
//
//   CO_TRY(auto auth, AuthSystem::Create(options, caches, background, clock, rng));
//   CO_TRY_VOID(co_await auth->Start());                   // after the store is open
//   ApiServer api({store, caches, auth->authenticator(), auth->authorizer(), ..., &auth->reviews()}, ...);
//   CO_TRY_VOID(co_await api.Start());
//   CO_TRY_VOID(co_await auth->WriteDefaultRoles(client));  // client: in-process, of the group system:masters
#pragma once

#include <memory>
#include <string>

#include "apiserver/auth/auth.h"
#include "apiserver/auth/reviews.h"
#include "async/clock.h"
#include "async/executor.h"
#include "base/rng.h"
#include "client/client.h"
#include "store/cache.h"

namespace sampan::apiserver::auth {

struct AuthOptions {
  ServiceAccountTokenOptions tokens;
  std::string token_auth_file;  // CSV (token_file.h); empty: none
};

// Thread-safe. Everything passed in is borrowed and outlives it.
class AuthSystem {
 public:
  // NotFound or BadRequest for the token file, BadRequest for keys.
  static Result<std::unique_ptr<AuthSystem>> Create(AuthOptions options, store::CacheSet& caches, Executor& background,
                                                    Clock& clock, Rng& rng);
  ~AuthSystem();  // after Stop()

  // Indexes the stored roles and bindings and follows them.
  Task<Result<void>> Start();
  // Makes the default roles and bindings, adds what existing ones lack, and keeps aggregated roles up to date until Stop.
  // `client` is in the group system:masters and outlives that.
  Task<Result<void>> WriteDefaultRoles(client::Client* client);
  Task<void> Stop();

  Authenticator& authenticator();
  Authorizer& authorizer();
  const Reviews& reviews() const;

 private:
  struct State;
  explicit AuthSystem(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sampan::apiserver::auth
