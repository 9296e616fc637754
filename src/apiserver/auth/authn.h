// Authentication of requests: client certificate, static token, service account token, anonymous.
#pragma once

#include <memory>

#include "apiserver/auth/auth.h"
#include "apiserver/auth/service_account_tokens.h"
#include "apiserver/auth/token_file.h"

namespace sampan::apiserver::auth {

// The service accounts are borrowed and outlive it.
std::unique_ptr<Authenticator> NewAuthenticator(StaticTokens static_tokens, ServiceAccountTokens& service_accounts);

}  // namespace sampan::apiserver::auth
