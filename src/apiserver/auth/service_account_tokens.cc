#include "apiserver/auth/service_account_tokens.h"

#include <algorithm>

#include "api/types/core.h"
#include "apiserver/auth/service_account.h"
#include "apiserver/auth/token_file.h"
#include "base/guarded.h"
#include "codec/json.h"
#include "net/pki.h"

namespace sampan::apiserver::auth {
namespace {

using api::authentication::TokenRequest;

constexpr int64_t kMinSeconds = 600;
constexpr int64_t kMaxSeconds = int64_t{1} << 32;
constexpr int64_t kDefaultSeconds = 3600;
// What the volumes ask for that admission adds to pods. Their tokens are valid for longer than they say, for the programs
// that read the file only once.
constexpr int64_t kVolumeSeconds = 3607;
constexpr int64_t kExtendedSeconds = 365 * 24 * 3600;
constexpr size_t kMaxTokenBytes = 16 * 1024;
// Signatures that were found good lately are not computed again: a client sends the same token with each request.
constexpr size_t kRememberedTokens = 1024;
// Claims of secrets of type kubernetes.io/service-account-token, which do not expire.
constexpr std::string_view kLegacyIssuer = "kubernetes/serviceaccount";
constexpr std::string_view kExtra = "authentication.kubernetes.io/";

struct Reference {
  std::string name;
  std::string uid;
  explicit operator bool() const { return !name.empty(); }
};

struct Claims {
  std::string issuer;
  std::vector<std::string> audiences;
  std::string id;
  int64_t not_before = 0;
  int64_t expires = 0;
  int64_t warn_after = 0;  // when the holder should have fetched another one; 0: no such time
  std::string namespace_;
  Reference account, pod, secret, node;
  bool legacy = false;
};

int64_t UnixSeconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string Text(const json::Value* value) {
  return std::string(json::FindString(value));
}

int64_t Number(const json::Value* value) {
  if (value == nullptr) return 0;
  if (value->is_double()) return static_cast<int64_t>(value->as_double());
  return value->is_int64() ? value->as_int64() : 0;
}

Reference ReferenceOf(const json::Value* value) {
  if (value == nullptr) return {};
  return {Text(json::Find(*value, "name")), Text(json::Find(*value, "uid"))};
}

Claims LegacyClaims(const json::Value& json, Claims claims) {
  auto text = [&](std::string_view name) {
    return Text(json::Find(json, fmt::format("kubernetes.io/serviceaccount/{}", name)));
  };
  claims.legacy = true;
  claims.namespace_ = text("namespace");
  claims.account = {text("service-account.name"), text("service-account.uid")};
  claims.secret = {text("secret.name"), ""};
  return claims;
}

Result<Claims> ParseClaims(std::string_view text) {
  TRY(json::Value json, json::Parse(text));
  Claims claims;
  claims.issuer = Text(json::Find(json, "iss"));
  claims.id = Text(json::Find(json, "jti"));
  claims.not_before = Number(json::Find(json, "nbf"));
  claims.expires = Number(json::Find(json, "exp"));
  if (const json::Value* audience = json::Find(json, "aud"); audience && audience->is_string()) {
    claims.audiences.push_back(Text(audience));
  } else if (audience && audience->is_array()) {
    for (const json::Value& one : audience->as_array()) claims.audiences.push_back(Text(&one));
  }
  if (claims.issuer == kLegacyIssuer) return LegacyClaims(json, std::move(claims));
  const json::Value* kubernetes = json::Find(json, "kubernetes.io");
  if (kubernetes == nullptr) return Fail(Error::Unauthorized("the token has no kubernetes.io claims"));
  claims.namespace_ = Text(json::Find(*kubernetes, "namespace"));
  claims.account = ReferenceOf(json::Find(*kubernetes, "serviceaccount"));
  claims.pod = ReferenceOf(json::Find(*kubernetes, "pod"));
  claims.secret = ReferenceOf(json::Find(*kubernetes, "secret"));
  claims.node = ReferenceOf(json::Find(*kubernetes, "node"));
  if (Text(json::Find(json, "sub")) != ServiceAccountUser(claims.namespace_, claims.account.name)) {
    return Fail(Error::Unauthorized("the token's subject is not its service account"));
  }
  return claims;
}

json::Object ReferenceJson(const Reference& reference) {
  return {{"name", reference.name}, {"uid", reference.uid}};
}

std::string EncodeClaims(const Claims& claims, int64_t issued) {
  json::Object kubernetes{{"namespace", claims.namespace_}};
  if (claims.node) kubernetes["node"] = ReferenceJson(claims.node);
  if (claims.pod) kubernetes["pod"] = ReferenceJson(claims.pod);
  if (claims.secret) kubernetes["secret"] = ReferenceJson(claims.secret);
  kubernetes["serviceaccount"] = ReferenceJson(claims.account);
  if (claims.warn_after != 0) kubernetes["warnafter"] = claims.warn_after;
  json::Array audiences;
  for (const std::string& audience : claims.audiences) audiences.emplace_back(audience);
  return json::Serialize(json::Object{{"aud", std::move(audiences)},
                                      {"exp", claims.expires},
                                      {"iat", issued},
                                      {"iss", claims.issuer},
                                      {"jti", claims.id},
                                      {"kubernetes.io", std::move(kubernetes)},
                                      {"nbf", claims.not_before},
                                      {"sub", ServiceAccountUser(claims.namespace_, claims.account.name)}});
}

UserInfo UserOf(const Claims& claims) {
  UserInfo user{ServiceAccountUser(claims.namespace_, claims.account.name),
                claims.account.uid,
                ServiceAccountGroups(claims.namespace_),
                {}};
  auto add = [&](std::string_view key, std::string value) {
    if (!value.empty()) user.extra.push_back({fmt::format("{}{}", kExtra, key), {std::move(value)}});
  };
  if (!claims.id.empty()) add("credential-id", "JTI=" + claims.id);
  add("node-name", claims.node.name);
  add("node-uid", claims.node.uid);
  add("pod-name", claims.pod.name);
  add("pod-uid", claims.pod.uid);
  AddAuthenticatedGroup(user);
  return user;
}

Error InvalidDuration(std::string_view name, int64_t seconds, std::string_view why) {
  ErrorDetails details{.group = "authentication.k8s.io", .kind = "TokenRequest", .name = std::string(name)};
  std::string message = fmt::format("Invalid value: {}: {}", seconds, why);
  details.causes.push_back({"FieldValueInvalid", message, "spec.expirationSeconds"});
  return Error::Invalid("TokenRequest.authentication.k8s.io \"{}\" is invalid: spec.expirationSeconds: {}", name, message)
      .WithDetails(std::move(details));
}

Error NotFound(std::string_view resource, std::string_view name) {
  ErrorDetails details{.kind = std::string(resource), .name = std::string(name)};
  return Error::NotFound("{} \"{}\" not found", resource, name).WithDetails(std::move(details));
}

class Tokens final : public ServiceAccountTokens {
 public:
  Tokens(ServiceAccountTokenOptions options, std::shared_ptr<const net::JwtSigner> signer,
         std::shared_ptr<const net::JwtVerifier> verifier, const Lookup& lookup, Clock& clock, Rng& rng)
      : options_(std::move(options)),
        signer_(std::move(signer)),
        verifier_(std::move(verifier)),
        lookup_(lookup),
        clock_(clock),
        rng_(rng) {}

  Result<TokenRequest> Issue(std::string_view namespace_, std::string_view name, TokenRequest request) override;
  Result<VerifiedToken> Verify(std::string_view token, const std::vector<std::string>& audiences) override;
  const std::vector<std::string>& api_audiences() const override { return options_.api_audiences; }
  std::string OpenIdConfiguration(std::string_view server_url) const override;
  std::string Jwks() const override { return verifier_->JwksJson(); }

 private:
  using Remembered = std::unordered_map<std::string, std::shared_ptr<const Claims>>;
  Result<void> Bind(const api::authentication::BoundObjectReference& reference, Claims& claims) const;
  Result<std::shared_ptr<const Claims>> SignedClaims(std::string_view token);
  Result<void> CheckTime(const Claims& claims) const;
  Result<void> CheckLive(const Claims& claims, std::string_view token) const;
  Result<void> CheckReference(std::string_view resource, std::string_view namespace_, const Reference& reference) const;

  const ServiceAccountTokenOptions options_;
  const std::shared_ptr<const net::JwtSigner> signer_;
  const std::shared_ptr<const net::JwtVerifier> verifier_;
  const Lookup& lookup_;
  Clock& clock_;
  Rng& rng_;
  Guarded<Remembered> remembered_;
};

Result<TokenRequest> Tokens::Issue(std::string_view namespace_, std::string_view name, TokenRequest request) {
  api::ObjectPtr account = lookup_.Get("serviceaccounts", namespace_, name);
  if (!account) return Fail(NotFound("serviceaccounts", name));
  if (request.spec.audiences.empty()) request.spec.audiences = options_.api_audiences;
  const int64_t seconds = request.spec.expiration_seconds.value_or(kDefaultSeconds);
  if (seconds < kMinSeconds) {
    return Fail(InvalidDuration(name, seconds, "may not specify a duration less than 10 minutes"));
  }
  if (seconds > kMaxSeconds) {
    return Fail(InvalidDuration(name, seconds, "may not specify a duration larger than 2^32 seconds"));
  }
  request.spec.expiration_seconds = seconds;
  Claims claims;
  claims.issuer = options_.issuer;
  claims.audiences = request.spec.audiences;
  claims.id = rng_.Uuid();
  claims.namespace_ = namespace_;
  claims.account = {std::string(name), account->uid()};
  if (request.spec.bound_object_ref) TRY_VOID(Bind(*request.spec.bound_object_ref, claims));
  const int64_t now = UnixSeconds(clock_.Now());
  claims.not_before = now;
  claims.expires = now + seconds;
  if (seconds == kVolumeSeconds && request.spec.audiences == options_.api_audiences) {
    claims.warn_after = claims.expires;
    claims.expires = now + kExtendedSeconds;
  }
  TRY(request.status.token, signer_->Sign(EncodeClaims(claims, now)));
  request.status.expiration_timestamp = WallTime(std::chrono::seconds(now + seconds));
  request.metadata.name = name;
  request.metadata.namespace_ = namespace_;
  return request;
}

Result<void> Tokens::Bind(const api::authentication::BoundObjectReference& reference, Claims& claims) const {
  const bool node = reference.kind == "Node";
  const std::string_view resource = node                         ? "nodes"
                                    : reference.kind == "Pod"    ? "pods"
                                    : reference.kind == "Secret" ? "secrets"
                                                                 : "";
  if (resource.empty() || reference.api_version != "v1") {
    return Fail(Error::BadRequest("cannot bind token for serviceaccount \"{}\" to object of type \"{}, Kind={}\"",
                                  claims.account.name, reference.api_version, reference.kind));
  }
  api::ObjectPtr object = lookup_.Get(resource, node ? "" : claims.namespace_, reference.name);
  if (!object) return Fail(NotFound(resource, reference.name));
  if (!reference.uid.empty() && reference.uid != object->uid()) {
    return Fail(Error::Conflict(
        "Operation cannot be fulfilled on {} \"{}\": the UID in the bound object reference ({}) does not match the UID in "
        "record. The object might have been deleted and then recreated",
        resource, reference.name, reference.uid));
  }
  const Reference bound{object->name(), object->uid()};
  if (node) claims.node = bound;
  if (reference.kind == "Secret") claims.secret = bound;
  if (reference.kind != "Pod") return {};
  claims.pod = bound;
  const auto& pod = object->As<api::core::Pod>();
  // A pod without an account, as mirror pods are, has no token.
  if (pod.spec.service_account_name != claims.account.name) {
    return Fail(
        Error::BadRequest("cannot bind token for serviceaccount \"{}\" to pod running with different serviceaccount name.",
                          claims.account.name));
  }
  if (!pod.spec.node_name.empty()) {
    api::ObjectPtr on = lookup_.Get("nodes", "", pod.spec.node_name);
    claims.node = {pod.spec.node_name, on ? on->uid() : ""};
  }
  return {};
}

Result<std::shared_ptr<const Claims>> Tokens::SignedClaims(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return Fail(Error::Unauthorized("the token is too long"));
  std::string key(token);
  {
    auto remembered = remembered_.ReadLock();
    if (auto found = remembered->find(key); found != remembered->end()) return found->second;
  }
  TRY(std::string text, verifier_->Verify(token));
  TRY(Claims parsed, ParseClaims(text));
  auto claims = std::make_shared<const Claims>(std::move(parsed));
  auto remembered = remembered_.Lock();
  if (remembered->size() >= kRememberedTokens) remembered->clear();
  remembered->emplace(std::move(key), claims);
  return claims;
}

Result<void> Tokens::CheckTime(const Claims& claims) const {
  if (claims.legacy) return {};
  const int64_t now = UnixSeconds(clock_.Now());
  if (claims.expires <= now) return Fail(Error::Unauthorized("the token has expired"));
  // Some room for the clocks of several servers.
  if (claims.not_before > now + 60) return Fail(Error::Unauthorized("the token is not valid yet"));
  return {};
}

Result<void> Tokens::CheckReference(std::string_view resource, std::string_view namespace_,
                                    const Reference& reference) const {
  if (!reference) return {};
  api::ObjectPtr object = lookup_.Get(resource, namespace_, reference.name);
  const bool same = object && (reference.uid.empty() || object->uid() == reference.uid);
  if (!same) return Fail(Error::Unauthorized("the token's {} {}/{} is gone", resource, namespace_, reference.name));
  if (!object->deleting()) return {};
  // A pod may use its token while it ends, and a little longer; what finalizers keep has no rights any more.
  std::optional<WallTime> deletion = ParseTime(object->head().deletion_timestamp);
  if (deletion && *deletion + std::chrono::minutes(1) < clock_.Now()) {
    return Fail(Error::Unauthorized("the token's {} {}/{} has been deleted", resource, namespace_, reference.name));
  }
  return {};
}

Result<void> Tokens::CheckLive(const Claims& claims, std::string_view token) const {
  if (!claims.account) return Fail(Error::Unauthorized("the token names no service account"));
  TRY_VOID(CheckReference("serviceaccounts", claims.namespace_, claims.account));
  TRY_VOID(CheckReference("pods", claims.namespace_, claims.pod));
  TRY_VOID(CheckReference("secrets", claims.namespace_, claims.secret));
  // A pod's token also names its node, for information; only a token bound to the node dies with it.
  if (!claims.pod) TRY_VOID(CheckReference("nodes", "", claims.node));
  if (!claims.legacy) return {};
  api::ObjectPtr secret = lookup_.Get("secrets", claims.namespace_, claims.secret.name);
  const std::string* kept = secret ? secret->As<api::core::Secret>().data.Find("token") : nullptr;
  if (kept == nullptr || !EqualSecrets(*kept, token))
    return Fail(Error::Unauthorized("the token's secret holds another token"));
  return {};
}

Result<VerifiedToken> Tokens::Verify(std::string_view token, const std::vector<std::string>& audiences) {
  TRY(std::shared_ptr<const Claims> claims, SignedClaims(token));
  if (!claims->legacy && claims->issuer != options_.issuer) return Fail(Error::Unauthorized("the token has another issuer"));
  TRY_VOID(CheckTime(*claims));
  VerifiedToken verified;
  const std::vector<std::string>& wanted = audiences.empty() ? options_.api_audiences : audiences;
  const std::vector<std::string>& has = claims->legacy ? options_.api_audiences : claims->audiences;
  std::ranges::copy_if(wanted, std::back_inserter(verified.audiences),
                       [&](const std::string& one) { return std::ranges::find(has, one) != has.end(); });
  if (verified.audiences.empty()) return Fail(Error::Unauthorized("the token is for another audience"));
  TRY_VOID(CheckLive(*claims, token));
  verified.user = UserOf(*claims);
  return verified;
}

std::string Tokens::OpenIdConfiguration(std::string_view server_url) const {
  return json::Serialize(json::Object{{"issuer", options_.issuer},
                                      {"jwks_uri", fmt::format("{}/openid/v1/jwks", server_url)},
                                      {"response_types_supported", json::Array{"id_token"}},
                                      {"subject_types_supported", json::Array{"public"}},
                                      {"id_token_signing_alg_values_supported", json::Array{"RS256"}}});
}

}  // namespace

Result<std::unique_ptr<ServiceAccountTokens>> NewServiceAccountTokens(ServiceAccountTokenOptions options,
                                                                      const Lookup& lookup, Clock& clock, Rng& rng) {
  TRY(std::shared_ptr<const net::JwtSigner> signer, net::JwtSigner::Create(options.signing_key_pem));
  std::vector<std::string> keys = options.verify_key_pems;
  keys.insert(keys.begin(), options.signing_key_pem);
  TRY(std::shared_ptr<const net::JwtVerifier> verifier, net::JwtVerifier::Create(std::move(keys)));
  if (options.api_audiences.empty()) options.api_audiences.push_back(options.issuer);
  return std::make_unique<Tokens>(std::move(options), std::move(signer), std::move(verifier), lookup, clock, rng);
}

}  // namespace sampan::apiserver::auth
