// The tokens that a node may ask for: those of the pods that run on it, for the audiences that these name.
#pragma once

#include <string_view>

#include "api/types/authentication.h"
#include "apiserver/auth/auth.h"
#include "apiserver/auth/lookup.h"

namespace sampan::apiserver::auth {

struct TokenQuestion {
  const UserInfo* user = nullptr;  // a node's
  std::string_view node;
  std::string_view namespace_;
  std::string_view account;
};

// Forbidden when the token is not for a pod of the node, or is for an audience that neither a token volume of the pod names
// nor "request-serviceaccounts-token-audience" grants; NotFound when there is no such pod. As Kubernetes' NodeRestriction.
Result<void> CheckNodeMayAsk(const Lookup& lookup, const Authorizer& authorizer, const TokenQuestion& question,
                             const api::authentication::TokenRequest& request);

}  // namespace sampan::apiserver::auth
