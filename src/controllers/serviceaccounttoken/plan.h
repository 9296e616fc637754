// What a Secret of type kubernetes.io/service-account-token needs. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "client/typed_ptr.h"
#include "controllers/common/objects.h"

namespace sampan::controllers::serviceaccounttoken {

using SecretPtr = client::TypedPtr<api::core::Secret>;
using AccountPtr = client::TypedPtr<api::core::ServiceAccount>;

inline constexpr std::string_view kSecretType = "kubernetes.io/service-account-token";
inline constexpr std::string_view kAccountName = "kubernetes.io/service-account.name";
inline constexpr std::string_view kAccountUid = "kubernetes.io/service-account.uid";

struct Plan {
  bool remove = false;                      // its account is gone, or another one has the name now
  bool needs_token = false;                 // one is to be asked for, and put into `update`
  std::optional<api::core::Secret> update;  // with all but the token; nothing when it has all
};

// The account that the secret is for; empty for a secret that is no token's.
std::string_view AccountOf(const SecretPtr& secret);

// `account`: null when it does not exist.
Plan PlanSecret(const SecretPtr& secret, const AccountPtr& account, std::string_view root_ca_pem);

}  // namespace sampan::controllers::serviceaccounttoken
