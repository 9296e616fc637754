// The kinds that are answered and not stored: reviews of tokens, access and rules, and token requests.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "apiserver/auth/authn.h"
#include "apiserver/auth/lookup.h"
#include "apiserver/auth/rules.h"
#include "codec/json.h"

namespace sampan::apiserver::auth {

struct ReviewRequest {
  const UserInfo* user = nullptr;  // who asks
  std::string namespace_;          // of the path
  std::string name;                // of the path: the service account, for tokens
  json::Value body;                // decoded by the schema
};

// Thread-safe. Everything is borrowed and outlives it.
class Reviews {
 public:
  Reviews(const StaticTokens& static_tokens, ServiceAccountTokens& service_accounts, const Authorizer& authorizer,
          const Lookup& lookup);

  // "<group>/<resource>" of each kind that Create answers, and "serviceaccounts/token".
  static std::span<const std::string_view> Kinds();
  // The request with its status. BadRequest or Invalid when it asks for nothing sensible.
  Result<json::Value> Create(std::string_view kind, ReviewRequest request) const;

  const ServiceAccountTokens& tokens() const { return service_accounts_; }

 private:
  Result<json::Value> TokenReview(ReviewRequest request) const;
  Result<json::Value> SelfSubjectReview(ReviewRequest request) const;
  Result<json::Value> SubjectAccessReview(ReviewRequest request) const;
  Result<json::Value> LocalSubjectAccessReview(ReviewRequest request) const;
  Result<json::Value> SelfSubjectAccessReview(ReviewRequest request) const;
  Result<json::Value> SelfSubjectRulesReview(ReviewRequest request) const;
  Result<json::Value> TokenRequest(ReviewRequest request) const;

  const StaticTokens& static_tokens_;
  ServiceAccountTokens& service_accounts_;
  const Authorizer& authorizer_;
  const Lookup& lookup_;
};

}  // namespace sampan::apiserver::auth
