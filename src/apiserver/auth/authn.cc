#include "apiserver/auth/authn.h"

#include "base/log.h"

namespace sampan::apiserver::auth {
namespace {

// The token of "Authorization: Bearer <token>"; nothing without such a header.
std::optional<std::string_view> BearerToken(const net::Headers& headers) {
  constexpr std::string_view kScheme = "bearer ";
  std::string_view value = headers.Get("authorization");
  if (value.size() <= kScheme.size()) return std::nullopt;
  for (size_t i = 0; i < kScheme.size(); ++i) {
    const char c = value[i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != kScheme[i]) return std::nullopt;
  }
  value.remove_prefix(kScheme.size());
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  if (value.empty()) return std::nullopt;
  return value;
}

class RequestAuthenticator final : public Authenticator {
 public:
  RequestAuthenticator(StaticTokens static_tokens, ServiceAccountTokens& service_accounts)
      : static_tokens_(std::move(static_tokens)), service_accounts_(service_accounts) {}

  Task<Result<UserInfo>> Authenticate(const net::Request& request) override { return Identify(this, &request); }

 private:
  static Task<Result<UserInfo>> Identify(RequestAuthenticator* self, const net::Request* request) {
    co_return self->Decide(*request);
  }

  Result<UserInfo> Decide(const net::Request& request) {
    if (request.peer && !request.peer->common_name.empty()) {
      UserInfo user;
      user.name = request.peer->common_name;
      user.groups = request.peer->organizations;
      user.extra.push_back(
          {"authentication.kubernetes.io/credential-id", {"X509SHA256=" + request.peer->fingerprint_sha256}});
      AddAuthenticatedGroup(user);
      if (!IsText(user)) return Fail(Error::Unauthorized("Unauthorized"));
      return user;
    }
    std::optional<std::string_view> token = BearerToken(request.headers);
    if (!token) {
      // Credentials of another kind are not taken for none.
      if (request.headers.Has("authorization")) return Fail(Error::Unauthorized("Unauthorized"));
      return UserInfo{std::string(kAnonymous), "", {std::string(kUnauthenticatedGroup)}, {}};
    }
    if (const UserInfo* user = static_tokens_.Find(*token)) return *user;
    Result<VerifiedToken> verified = service_accounts_.Verify(*token, {});
    if (verified) return std::move(verified->user);
    LOG_DEBUG("authn", "a bearer token from {} is refused: {}", request.remote_address, verified.error());
    return Fail(Error::Unauthorized("Unauthorized"));
  }

  const StaticTokens static_tokens_;
  ServiceAccountTokens& service_accounts_;
};

}  // namespace

std::unique_ptr<Authenticator> NewAuthenticator(StaticTokens static_tokens, ServiceAccountTokens& service_accounts) {
  return std::make_unique<RequestAuthenticator>(std::move(static_tokens), service_accounts);
}

}  // namespace sampan::apiserver::auth
