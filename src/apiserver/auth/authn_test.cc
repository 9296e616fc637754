#include "apiserver/auth/authn.h"

#include <gtest/gtest.h>

#include "api/types/convert.h"
#include "api/types/core.h"
#include "apiserver/auth/reviews.h"
#include "apiserver/auth/service_account.h"
#include "apiserver/auth/testing.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "codec/base64.h"
#include "net/pki.h"

namespace sampan::apiserver::auth {
namespace {

const std::string& SigningKey() {
  static const std::string kKey = net::GenerateKeyPem(net::KeyType::kRsa2048).value();
  return kKey;
}

class AuthnTest : public testing::Test {
 protected:
  AuthnTest() : executor_(NewThreadPool("authn", 1)), rng_(NewSeededRng(1)) {
    ServiceAccountTokenOptions options;
    options.signing_key_pem = SigningKey();
    tokens_ = NewServiceAccountTokens(options, lookup_, clock_, *rng_).value();
    static_tokens_ = StaticTokens::Parse("secret,alice,1001,\"dev,ops\"\n").value();
    authenticator_ = NewAuthenticator(static_tokens_, *tokens_);
    lookup_.Add("serviceaccounts",
                R"({"kind":"ServiceAccount","metadata":{"name":"default","namespace":"ns","uid":"sa-1"}})");
    AddPod("pod-1");
  }
  void AddPod(std::string_view uid) {
    lookup_.Add("pods", fmt::format(R"({{"kind":"Pod","metadata":{{"name":"web","namespace":"ns","uid":"{}"}},)"
                                    R"("spec":{{"nodeName":"n1","serviceAccountName":"default"}}}})",
                                    uid));
  }
  Result<UserInfo> Authenticate(std::string authorization, std::shared_ptr<const net::PeerIdentity> peer = nullptr) {
    net::Request request;
    if (!authorization.empty()) request.headers.Add("authorization", std::move(authorization));
    request.peer = std::move(peer);
    return SyncWait(*executor_, authenticator_->Authenticate(request));
  }
  Result<api::authentication::TokenRequest> Issue(std::string_view spec) {
    auto request = api::FromJson<api::authentication::TokenRequest>(
        json::Parse(fmt::format(R"({{"kind":"TokenRequest","spec":{}}})", spec)).value());
    return tokens_->Issue("ns", "default", *request);
  }
  std::string Token(std::string_view spec = "{}") { return Issue(spec).value().status.token; }
  std::string NameOrError(const Result<UserInfo>& user) { return user ? user->name : user.error().message(); }

  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Rng> rng_;
  ManualClock clock_;
  FakeLookup lookup_;
  std::unique_ptr<ServiceAccountTokens> tokens_;
  StaticTokens static_tokens_;
  std::unique_ptr<Authenticator> authenticator_;
};

constexpr std::string_view kBoundToPod = R"({"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"web"}})";

TEST_F(AuthnTest, WhoIsWho) {
  auto peer = std::make_shared<net::PeerIdentity>();
  peer->common_name = "admin";
  peer->organizations = {"system:masters"};
  UserInfo admin = Authenticate("", peer).value();
  EXPECT_EQ(admin.name, "admin");
  EXPECT_EQ(admin.groups, (std::vector<std::string>{"system:masters", "system:authenticated"}));
  peer->organizations.push_back("dev\xff");
  EXPECT_TRUE(Authenticate("", peer).error().Is(Reason::kUnauthorized)) << "what no role can name is nobody";
  UserInfo alice = Authenticate("Bearer secret").value();
  EXPECT_EQ(alice.name, "alice");
  EXPECT_EQ(alice.uid, "1001");
  EXPECT_EQ(alice.groups, (std::vector<std::string>{"dev", "ops", "system:authenticated"}));
  EXPECT_EQ(Authenticate("bearer  secret ").value().name, "alice");
  UserInfo anonymous = Authenticate("").value();
  EXPECT_EQ(anonymous.name, "system:anonymous");
  EXPECT_EQ(anonymous.groups, (std::vector<std::string>{"system:unauthenticated"}));
  UserInfo account = Authenticate("Bearer " + Token(kBoundToPod)).value();
  EXPECT_EQ(account.name, "system:serviceaccount:ns:default");
  EXPECT_EQ(account.uid, "sa-1");
  EXPECT_EQ(account.groups,
            (std::vector<std::string>{"system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"}));
  EXPECT_EQ(account.extra[1].first, "authentication.kubernetes.io/node-name");
}

TEST_F(AuthnTest, BadCredentialsAreUnauthorized) {
  std::string good = Token();
  std::string other_signature = good.substr(0, good.size() - 4) + "AAAA";
  std::string none =
      base64::EncodeUrl(R"({"alg":"none"})") + good.substr(good.find('.'), good.rfind('.') - good.find('.') + 1);
  for (const std::string& header :
       {std::string("Bearer wrong"), std::string("Bearer secre"), std::string("Basic YTpi"), "Bearer " + other_signature,
        "Bearer " + none, std::string("Bearer a.b.c"), "Bearer " + std::string(100'000, 'x'), std::string("Bearer ")}) {
    Result<UserInfo> user = Authenticate(header);
    ASSERT_FALSE(user.has_value()) << header.substr(0, 80);
    EXPECT_EQ(user.error().reason(), Reason::kUnauthorized);
    EXPECT_EQ(user.error().message(), "Unauthorized");
  }
}

TEST_F(AuthnTest, TokensEnd) {
  std::string token = Token(R"({"expirationSeconds":600})");
  clock_.Advance(std::chrono::seconds(599));
  EXPECT_TRUE(Authenticate("Bearer " + token).has_value());
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_FALSE(Authenticate("Bearer " + token).has_value()) << "expired, remembered or not";
}

TEST_F(AuthnTest, TokensOfAdmittedVolumesOutliveWhatTheySay) {
  auto issued = Issue(R"({"expirationSeconds":3607})");
  EXPECT_EQ(*issued->status.expiration_timestamp, clock_.Now() + std::chrono::seconds(3607));
  std::string theirs = Token(R"({"expirationSeconds":3607,"audiences":["vault"]})");
  clock_.Advance(std::chrono::hours(24 * 365) - std::chrono::seconds(1));
  EXPECT_TRUE(Authenticate("Bearer " + issued->status.token).has_value());
  EXPECT_FALSE(tokens_->Verify(theirs, {"vault"}).has_value()) << "for others, what it says counts";
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_FALSE(Authenticate("Bearer " + issued->status.token).has_value());
}

TEST_F(AuthnTest, TokensDieWithWhatTheyAreBoundTo) {
  std::string pod = "Bearer " + Token(kBoundToPod), account = "Bearer " + Token();
  EXPECT_TRUE(Authenticate(pod).has_value());
  AddPod("pod-2");
  EXPECT_FALSE(Authenticate(pod).has_value()) << "another pod of that name";
  lookup_.Remove("pods", "ns", "web");
  EXPECT_FALSE(Authenticate(pod).has_value());
  EXPECT_TRUE(Authenticate(account).has_value());
  lookup_.Add("serviceaccounts", R"({"kind":"ServiceAccount","metadata":{"name":"default","namespace":"ns","uid":"sa-2"}})");
  EXPECT_FALSE(Authenticate(account).has_value());
}

TEST_F(AuthnTest, TokensDieWithWhatFinalizersKeep) {
  struct Case {
    const char* resource;
    const char* kind;
    const char* name;
    std::string spec;  // of the token
  };
  auto bound = [](const char* kind, const char* name) {
    return fmt::format(R"({{"boundObjectRef":{{"apiVersion":"v1","kind":"{}","name":"{}"}}}})", kind, name);
  };
  const Case cases[] = {{"nodes", "Node", "n1", bound("Node", "n1")},
                        {"secrets", "Secret", "s1", bound("Secret", "s1")},
                        {"pods", "Pod", "web", std::string(kBoundToPod)},
                        {"serviceaccounts", "ServiceAccount", "default", "{}"}};
  for (const Case& one : cases) {
    auto put = [&](std::string more) {
      bool scoped = one.resource != std::string_view("nodes");
      lookup_.Add(one.resource, fmt::format(R"({{"apiVersion":"v1","kind":"{}","metadata":{{"name":"{}",{}"uid":"{}"{}}},)"
                                            R"("spec":{{"serviceAccountName":"default"}}}})",
                                            one.kind, one.name, scoped ? R"("namespace":"ns",)" : "",
                                            one.resource == std::string_view("serviceaccounts") ? "sa-1" : "u", more));
    };
    put("");
    std::string token = "Bearer " + Token(one.spec);
    put(fmt::format(R"(,"finalizers":["acme.com/f"],"deletionTimestamp":"{}")", FormatTime(clock_.Now())));
    clock_.Advance(std::chrono::seconds(60));
    EXPECT_TRUE(Authenticate(token).has_value()) << one.resource << ": it may say good-bye";
    clock_.Advance(std::chrono::seconds(2));
    EXPECT_FALSE(Authenticate(token).has_value()) << one.resource;
  }
}

TEST_F(AuthnTest, AudiencesCount) {
  std::string token = Token(R"({"audiences":["vault"]})");
  EXPECT_FALSE(Authenticate("Bearer " + token).has_value()) << "not for this server";
  EXPECT_EQ(tokens_->Verify(token, {"vault", "x"})->audiences, std::vector<std::string>{"vault"});
  EXPECT_EQ(tokens_->Verify(token, {"x"}).error().reason(), Reason::kUnauthorized);
}

TEST_F(AuthnTest, IssueChecksItsRequest) {
  struct Case {
    const char* spec;
    Reason reason;
    const char* message;
  };
  const Case cases[] = {
      {R"({"expirationSeconds":599})", Reason::kInvalid,
       "TokenRequest.authentication.k8s.io \"default\" is invalid: spec.expirationSeconds: Invalid value: 599: may not "
       "specify a duration less than 10 minutes"},
      {R"({"expirationSeconds":99999999999})", Reason::kInvalid, nullptr},
      {R"({"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"none"}})", Reason::kNotFound, "pods \"none\" not found"},
      {R"({"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"web","uid":"x"}})", Reason::kConflict, nullptr},
      {R"({"boundObjectRef":{"apiVersion":"v1","kind":"ConfigMap","name":"web"}})", Reason::kBadRequest, nullptr},
  };
  for (const Case& one : cases) {
    auto issued = Issue(one.spec);
    ASSERT_FALSE(issued.has_value()) << one.spec;
    EXPECT_EQ(issued.error().reason(), one.reason) << one.spec;
    if (one.message) EXPECT_EQ(issued.error().message(), one.message);
  }
  EXPECT_EQ(tokens_->Issue("ns", "none", {}).error().message(), "serviceaccounts \"none\" not found");
  auto issued = Issue("{}");
  EXPECT_EQ(issued->spec.expiration_seconds, 3600);
  EXPECT_EQ(issued->spec.audiences, tokens_->api_audiences());
  EXPECT_EQ(*issued->status.expiration_timestamp, clock_.Now() + std::chrono::hours(1));
}

TEST_F(AuthnTest, LegacyTokensLiveInTheirSecret) {
  auto signer = net::JwtSigner::Create(SigningKey()).value();
  std::string token = signer
                          ->Sign(R"({"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:ns:default",)"
                                 R"("kubernetes.io/serviceaccount/namespace":"ns",)"
                                 R"("kubernetes.io/serviceaccount/secret.name":"default-token",)"
                                 R"("kubernetes.io/serviceaccount/service-account.name":"default",)"
                                 R"("kubernetes.io/serviceaccount/service-account.uid":"sa-1"})")
                          .value();
  EXPECT_FALSE(Authenticate("Bearer " + token).has_value());
  auto add = [&](const std::string& kept) {
    lookup_.Add("secrets",
                fmt::format(R"({{"kind":"Secret","metadata":{{"name":"default-token","namespace":"ns","uid":"s"}},)"
                            R"("data":{{"token":"{}"}}}})",
                            base64::Encode(kept)));
  };
  add("another");
  EXPECT_FALSE(Authenticate("Bearer " + token).has_value());
  add(token);
  EXPECT_EQ(NameOrError(Authenticate("Bearer " + token)), "system:serviceaccount:ns:default");
}

TEST_F(AuthnTest, DiscoveryNamesTheKeys) {
  EXPECT_NE(tokens_->OpenIdConfiguration("https://1.2.3.4:6443").find(R"("jwks_uri":"https://1.2.3.4:6443/openid/v1/jwks")"),
            std::string::npos);
  EXPECT_NE(tokens_->Jwks().find("\"keys\""), std::string::npos);
}

TEST_F(AuthnTest, Reviews) {
  AllowVerbs authorizer({"get"});
  class Reviews reviews(static_tokens_, *tokens_, authorizer, lookup_);
  UserInfo bob{"bob", "7", {"dev", "system:authenticated"}, {{"scopes", {"a", "b"}}}};
  auto ask = [&](std::string_view kind, std::string_view body) {
    Result<json::Value> answer = reviews.Create(kind, {&bob, "ns", "default", json::Parse(body).value()});
    if (!answer) return std::string(ReasonName(answer.error().reason()));
    const json::Value* status = json::Find(*answer, "status");
    return status ? json::Serialize(*status) : std::string("no status");
  };
  EXPECT_EQ(
      ask("authentication.k8s.io/tokenreviews", R"({"spec":{"token":"secret"}})"),
      R"({"authenticated":true,"user":{"username":"alice","uid":"1001","groups":["dev","ops","system:authenticated"]}})");
  EXPECT_EQ(ask("authentication.k8s.io/tokenreviews", R"({"spec":{}})"), "BadRequest");
  EXPECT_NE(ask("authentication.k8s.io/tokenreviews", R"({"spec":{"token":"x"}})").find("invalid bearer token"),
            std::string::npos);
  EXPECT_EQ(
      ask("authentication.k8s.io/selfsubjectreviews", "{}"),
      R"({"userInfo":{"username":"bob","uid":"7","groups":["dev","system:authenticated"],"extra":{"scopes":["a","b"]}}})");
  constexpr const char* kSelf = "authorization.k8s.io/selfsubjectaccessreviews";
  EXPECT_EQ(ask(kSelf, R"({"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}})"), R"({"allowed":true})");
  EXPECT_EQ(ask(kSelf, R"({"spec":{"resourceAttributes":{"verb":"list","resource":"pods"}}})"), R"({"allowed":false})");
  EXPECT_EQ(ask(kSelf, R"({"spec":{}})"), "Invalid");
  constexpr const char* kAny = "authorization.k8s.io/subjectaccessreviews";
  EXPECT_EQ(ask(kAny, R"({"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}})"), "Invalid") << "no subject";
  EXPECT_EQ(ask(kAny, R"({"spec":{"user":"x","nonResourceAttributes":{"verb":"get","path":"/"}}})"), R"({"allowed":true})");
  constexpr const char* kLocal = "authorization.k8s.io/localsubjectaccessreviews";
  EXPECT_EQ(
      ask(kLocal, R"({"spec":{"user":"x","resourceAttributes":{"namespace":"other","verb":"get","resource":"pods"}}})"),
      "Invalid");
  EXPECT_EQ(ask(kLocal, R"({"spec":{"user":"x","resourceAttributes":{"namespace":"ns","verb":"get","resource":"pods"}}})"),
            R"({"allowed":true})");
  EXPECT_EQ(ask("authorization.k8s.io/selfsubjectrulesreviews", R"({"spec":{}})"), "BadRequest");
  EXPECT_NE(ask("serviceaccounts/token", R"({"spec":{}})").find("\"token\""), std::string::npos);
}

TEST(Impersonation, IsAskedForAndAnswered) {
  struct Case {
    const char* what;
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<std::string> allowed;  // "resource[/subresource] name"
    std::string result;
  };
  const Case cases[] = {
      {"no headers", {}, {}, "bob:"},
      {"a user", {{"impersonate-user", "eve"}}, {"users eve"}, "eve:system:authenticated,"},
      {"a user, forbidden",
       {{"impersonate-user", "eve"}},
       {},
       "users \"eve\" is forbidden: User \"bob\" cannot impersonate resource \"users\" in API group \"\" at the cluster "
       "scope"},
      {"groups",
       {{"impersonate-user", "eve"}, {"impersonate-group", "a"}, {"impersonate-group", "b"}},
       {"users eve", "groups a", "groups b"},
       "eve:a,b,system:authenticated,"},
      {"a service account",
       {{"impersonate-user", "system:serviceaccount:ns:x"}},
       {"serviceaccounts x"},
       "system:serviceaccount:ns:x:system:serviceaccounts,system:serviceaccounts:ns,system:authenticated,"},
      {"extra",
       {{"impersonate-user", "eve"}, {"impersonate-extra-acme.com%2fproject", "p"}},
       {"users eve", "userextras/acme.com/project p"},
       "eve:system:authenticated,acme.com/project=p"},
      {"anonymous",
       {{"impersonate-user", "system:anonymous"}},
       {"users system:anonymous"},
       "system:anonymous:system:unauthenticated,"},
      {"groups alone",
       {{"impersonate-group", "a"}},
       {"groups a"},
       "impersonation of groups, uid or extra demands the header Impersonate-User"},
      {"bytes that are no text",
       {{"impersonate-user", "eve"}, {"impersonate-group", "a\xff"}},
       {"users eve", "groups a\xff"},
       "the user to impersonate must be given in UTF-8"},
  };
  for (const Case& one : cases) {
    net::Request request;
    for (const auto& [name, value] : one.headers) request.headers.Add(name, value);
    AllowImpersonation authorizer(one.allowed);
    Result<UserInfo> user = Impersonate(request, UserInfo{"bob", "", {}, {}}, authorizer);
    std::string result;
    if (user) {
      result = user->name + ":";
      for (const std::string& group : user->groups) result += group + ",";
      for (const auto& [key, values] : user->extra) result += key + "=" + values[0];
    } else {
      result = user.error().message();
    }
    EXPECT_EQ(result, one.result) << one.what;
  }
}

TEST(StaticTokens, Parse) {
  struct Case {
    const char* csv;
    const char* error;  // null: good
  };
  const Case cases[] = {
      {"a,b,c\n", nullptr},
      {"# comment\n\na,b,c,\"x,y\"\r\n", nullptr},
      {"a,b\n", "line 1: 2 columns, at least token,user,uid are needed"},
      {"a,b,c\n,b,c\n", "line 2: token and user must not be empty"},
      {"a,b,c,\"x\n", "line 1: a quote is not closed"},
  };
  for (const Case& one : cases) {
    Result<StaticTokens> tokens = StaticTokens::Parse(one.csv);
    EXPECT_EQ(tokens.has_value(), one.error == nullptr) << one.csv;
    if (!tokens) EXPECT_EQ(tokens.error().message(), one.error);
  }
  EXPECT_FALSE(StaticTokens::Load("/nonexistent/tokens").has_value());
}

}  // namespace
}  // namespace sampan::apiserver::auth
