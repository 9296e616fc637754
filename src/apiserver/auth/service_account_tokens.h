// Service account tokens: issued on request, bound to a pod, a secret or a node, and checked against the live objects
// each time, so that a token dies with what it is bound to.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/types/authentication.h"
#include "apiserver/auth/auth.h"
#include "apiserver/auth/lookup.h"
#include "async/clock.h"
#include "base/rng.h"

namespace sampan::apiserver::auth {

struct ServiceAccountTokenOptions {
  std::string issuer = "https://kubernetes.default.svc.cluster.local";
  std::vector<std::string> api_audiences;    // of tokens for this server; empty: the issuer
  std::string signing_key_pem;               // private, RSA or P-256
  std::vector<std::string> verify_key_pems;  // older keys whose tokens are still good, public or private
};

struct VerifiedToken {
  UserInfo user;
  std::vector<std::string> audiences;  // those of the wanted ones that the token has
};

// Thread-safe.
class ServiceAccountTokens {
 public:
  virtual ~ServiceAccountTokens() = default;

  // Answers serviceaccounts/<name>/token: the request with its defaults, its status filled. NotFound for an absent account
  // or bound object, Conflict for another uid, Invalid for a duration under ten minutes.
  virtual Result<api::authentication::TokenRequest> Issue(std::string_view namespace_, std::string_view name,
                                                          api::authentication::TokenRequest request) = 0;

  // Unauthorized with the reason (for logs and TokenReview, not for clients) unless the token is good now for one of
  // `audiences` (empty: the server's own).
  virtual Result<VerifiedToken> Verify(std::string_view token, const std::vector<std::string>& audiences) = 0;

  virtual const std::vector<std::string>& api_audiences() const = 0;
  // The documents of /.well-known/openid-configuration and /openid/v1/jwks, JSON.
  virtual std::string OpenIdConfiguration(std::string_view server_url) const = 0;
  virtual std::string Jwks() const = 0;
};

// Everything borrowed outlives it. BadRequest for a malformed key.
Result<std::unique_ptr<ServiceAccountTokens>> NewServiceAccountTokens(ServiceAccountTokenOptions options,
                                                                      const Lookup& lookup, Clock& clock, Rng& rng);

}  // namespace sampan::apiserver::auth
