// Authentication and authorization around a real API server and store.
#include "apiserver/auth/auth_system.h"

#include <gtest/gtest.h>

#include "api/types/coordination.h"
#include "api/types/core.h"
#include "api/types/rbac.h"
#include "apiserver/auth/role_writer.h"
#include "apiserver/server.h"
#include "async/io_loop.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "client/typed.h"
#include "net/pki.h"
#include "store/engine/embedded/test_store.h"

namespace sampan::apiserver::auth {
namespace {

using api::rbac::ClusterRole;
using api::rbac::ClusterRoleBinding;

constexpr int kAttempts = 200'000;  // of what happens soon, on another thread

class AuthSystemTest : public testing::Test {
 protected:
  AuthSystemTest() {
    AuthOptions options;
    options.tokens.signing_key_pem = net::GenerateKeyPem(net::KeyType::kRsa2048).value();
    auth_ = AuthSystem::Create(std::move(options), caches_, *executor_, *clock_, *rng_).value();
    EXPECT_TRUE(Wait(auth_->Start()).has_value());
    api_ = std::make_unique<ApiServer>(
        ServerDependencies{*under_test_.store, caches_, auth_->authenticator(), auth_->authorizer(), *clock_, *rng_,
                           *executor_, loops_, &auth_->reviews()},
        ServerOptions{});
    EXPECT_TRUE(Wait(api_->Start()).has_value());
    root_ = Client("root", {"system:masters"});
    Result<void> written = Wait(auth_->WriteDefaultRoles(root_.get()));
    EXPECT_TRUE(written.has_value()) << written.error().message();
  }
  ~AuthSystemTest() override {
    Wait(auth_->Stop());
    Wait(api_->Stop());
    Wait(caches_.Stop());
  }

  template <class T>
  T Wait(Task<T> task) {
    return SyncWait(*executor_, std::move(task));
  }
  void Wait(Task<void> task) { SyncWait(*executor_, std::move(task)); }
  std::unique_ptr<client::Client> Client(std::string name, std::vector<std::string> groups = {}) {
    UserInfo user{std::move(name), "", std::move(groups), {}};
    AddAuthenticatedGroup(user);
    return api_->InProcess(std::move(user));
  }
  std::string ListPods(client::Client& client) {
    Result<client::ListResult> list = Wait(client.List(client::RefOf<api::core::Pod>("default"), {}));
    return list ? "allowed" : list.error().message();
  }
  template <class F>
  bool Eventually(F condition) {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (condition()) return true;
    }
    return false;
  }
  size_t RulesOf(std::string name) {
    auto role = Wait(client::Get<ClusterRole>(*root_, "", std::move(name)));
    return role ? (*role)->rules.size() : 0;
  }

  std::unique_ptr<Executor> executor_ = NewThreadPool("auth-test", 2);
  IoLoops loops_{1};
  std::unique_ptr<Clock> clock_ = NewSystemClock();
  std::unique_ptr<Rng> rng_ = NewSystemRng();
  store::StoreUnderTest under_test_ = store::embedded::MakeTestStore();
  store::CacheSet caches_{*under_test_.store, *executor_, *clock_};
  std::unique_ptr<AuthSystem> auth_;
  std::unique_ptr<ApiServer> api_;
  std::unique_ptr<client::Client> root_;
};

TEST_F(AuthSystemTest, ComponentsGetReviewsAsObjects) {
  client::Ref ref{.kind = api::FindKind("authentication.k8s.io/v1", "TokenReview")};
  auto reviewed = Wait(root_->Create(ref, json::Object{{"spec", json::Object{{"token", "x"}}}}));
  ASSERT_TRUE(reviewed) << reviewed.error().message();
  EXPECT_NE((*reviewed)->bytes().find("invalid bearer token"), std::string::npos);
}

TEST_F(AuthSystemTest, BindingsTakeEffect) {
  std::unique_ptr<client::Client> bob = Client("bob");
  EXPECT_EQ(ListPods(*bob),
            "pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"");
  ClusterRoleBinding binding;
  binding.metadata.name = "bob-views";
  binding.role_ref = {"rbac.authorization.k8s.io", "ClusterRole", "view"};
  binding.subjects.push_back({"User", "rbac.authorization.k8s.io", "bob", ""});
  ASSERT_TRUE(Wait(client::Create(*root_, binding)).has_value());
  EXPECT_TRUE(Eventually([&] { return ListPods(*bob) == "allowed"; }));
  ASSERT_TRUE(Wait(root_->Delete(client::RefOf<ClusterRoleBinding>("", "bob-views"), {})).has_value());
  EXPECT_TRUE(Eventually([&] { return ListPods(*bob) != "allowed"; }));
}

TEST_F(AuthSystemTest, RolesAreAggregated) {
  // Until all three are aggregated: a role without rules yet is smaller than the next one, too.
  EXPECT_TRUE(Eventually(
      [&] { return RulesOf("admin") > RulesOf("edit") && RulesOf("edit") > RulesOf("view") && RulesOf("view") > 0; }));
  const size_t before = RulesOf("view");
  ClusterRole extra;
  extra.metadata.name = "widgets";
  extra.metadata.labels["rbac.authorization.k8s.io/aggregate-to-view"] = "true";
  extra.rules.push_back({.verbs = {"get"}, .api_groups = {"acme.com"}, .resources = {"widgets"}});
  ASSERT_TRUE(Wait(client::Create(*root_, extra)).has_value());
  EXPECT_TRUE(Eventually([&] { return RulesOf("view") == before + 1; }));
}

TEST_F(AuthSystemTest, DefaultsAreWrittenOnce) {
  EXPECT_TRUE(Eventually([&] {
    const store::Revision before = under_test_.store->current_revision();
    EXPECT_TRUE(Wait(EnsureDefaultRoles(root_.get(), &caches_)).has_value());
    return under_test_.store->current_revision() == before;
  })) << "once the aggregation has settled, there is nothing to write";
}

TEST_F(AuthSystemTest, NobodyGrantsWhatHeLacks) {
  std::unique_ptr<client::Client> admin = Client("ns-admin");
  api::rbac::RoleBinding binding;
  binding.metadata.name = "admins";
  binding.metadata.namespace_ = "default";
  binding.role_ref = {"rbac.authorization.k8s.io", "ClusterRole", "admin"};
  binding.subjects.push_back({"User", "rbac.authorization.k8s.io", "ns-admin", ""});
  ASSERT_TRUE(Wait(client::Create(*root_, binding)).has_value());
  ASSERT_TRUE(Eventually([&] { return ListPods(*admin) == "allowed"; }));
  binding.metadata.name = "root";
  binding.role_ref.name = "cluster-admin";
  auto refused = Wait(client::Create(*admin, binding));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason(), Reason::kForbidden);
  EXPECT_NE(refused.error().message().find("attempting to grant RBAC permissions not currently held"), std::string::npos);
  binding.role_ref.name = "view";
  auto granted = Wait(client::Create(*admin, binding));
  EXPECT_TRUE(granted.has_value()) << granted.error().message();
}

class NodeRestrictionTest : public AuthSystemTest {
 protected:
  NodeRestrictionTest() : node_(Client("system:node:n1", {"system:nodes"})) {
    api::core::ServiceAccount account;
    account.metadata.name = "default";
    account.metadata.namespace_ = "default";
    EXPECT_TRUE(Wait(client::Create(*root_, account)).has_value());
  }

  // The refusal's text without its head; "" when it is done.
  std::string CreateNode(std::string name, std::string label) {
    api::core::Node object;
    object.metadata.name = std::move(name);
    if (!label.empty()) object.metadata.labels[label] = "x";
    return Why(Wait(client::Create(*node_, object)));
  }
  std::string PatchNode(std::string_view patch) {
    return Why(Wait(client::MergePatch<api::core::Node>(*node_, "", "n1", *json::Parse(patch))));
  }
  std::string CreatePod(std::string_view metadata, std::string_view spec) {
    std::string text = fmt::format(
        R"({{"metadata":{{"name":"p","namespace":"default"{}}},"spec":{{"containers":[{{"name":"c","image":"i"}}]{}}}}})",
        metadata, spec);
    return Why(Wait(client::Create(*node_, *api::FromJson<api::core::Pod>(*json::Parse(text)))));
  }
  template <class T>
  static std::string Why(const T& done) {
    if (done) return "";
    std::string_view text = done.error().message();
    size_t head = text.find(": ");
    return std::string(head == std::string_view::npos ? text : text.substr(head + 2));
  }

  std::unique_ptr<client::Client> node_;
};

TEST_F(NodeRestrictionTest, ANodeKeepsToItsOwnNode) {
  EXPECT_EQ(CreateNode("n2", ""), "node \"n1\" is not allowed to modify node \"n2\"");
  for (std::string label : {"node-restriction.kubernetes.io/secure", "node-role.kubernetes.io/control-plane", "x.k8s.io/a",
                            "kubernetes.io/anything"}) {
    EXPECT_EQ(CreateNode("n1", label), "is not allowed to set the following labels: " + label);
  }
  EXPECT_EQ(CreateNode("n1", "disk"), "");
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"metadata":{"labels":{"topology.kubernetes.io/zone":"a","node.kubernetes.io/x":"y","acme.com/a":"b"}}})", ""},
      {R"({"metadata":{"labels":{"node-restriction.kubernetes.io/b":"","a.kubernetes.io/c":""}}})",
       "is not allowed to modify labels: a.kubernetes.io/c, node-restriction.kubernetes.io/b"},
      {R"({"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}})", "node \"n1\" is not allowed to modify taints"},
      {R"({"spec":{"taints":[]}})", ""},
  };
  for (const auto& [patch, why] : cases) EXPECT_EQ(PatchNode(patch), why) << patch;
}

TEST_F(NodeRestrictionTest, ANodeOfTheControlPlaneMaySaySo) {
  node_ = Client("system:node:n1", {"system:nodes", "system:nodes:control-plane"});
  EXPECT_EQ(CreateNode("n1", "node-role.kubernetes.io/control-plane"), "");
}

// What an administrator would not, and a node could gain by.
TEST_F(NodeRestrictionTest, ANodeOwnsNeitherItselfNorOthers) {
  constexpr std::string_view kOwner = R"({"apiVersion":"v1","kind":"Node","name":"n1","uid":"u"})";
  api::core::Node owned;
  owned.metadata.name = "n1";
  owned.metadata.owner_references = {{"v1", "Node", "x", "u", {}, {}}};
  EXPECT_EQ(Why(Wait(client::Create(*node_, owned))), "node \"n1\" is not allowed to modify ownerReferences");
  EXPECT_EQ(CreateNode("n1", ""), "");
  EXPECT_EQ(PatchNode(fmt::format(R"({{"metadata":{{"ownerReferences":[{}]}}}})", kOwner)),
            "node \"n1\" is not allowed to modify ownerReferences");
  auto through_status = Wait(client::MergePatch<api::core::Node>(
      *node_, "", "n1", *json::Parse(fmt::format(R"({{"metadata":{{"ownerReferences":[{}]}}}})", kOwner)), "status"));
  EXPECT_EQ(Why(through_status), "node \"n1\" is not allowed to modify ownerReferences");
  EXPECT_EQ(PatchNode(R"({"metadata":{"ownerReferences":[]}})"), "");
}

TEST_F(NodeRestrictionTest, ANodeHasTheLeaseOfItsName) {
  auto create = [this](std::string namespace_, std::string name) {
    api::coordination::Lease lease;
    lease.metadata.namespace_ = std::move(namespace_);
    lease.metadata.name = std::move(name);
    return Why(Wait(client::Create(*node_, lease)));
  };
  EXPECT_EQ(create("kube-node-lease", "n2"), "can only access node lease with the same name as the requesting node");
  EXPECT_TRUE(create("default", "n1").ends_with(R"(can only access leases in the "kube-node-lease" system namespace)"));
  EXPECT_EQ(create("kube-node-lease", "n1"), "");
}

TEST_F(NodeRestrictionTest, AMirrorPodUsesNothingOfItsNamespace) {
  ASSERT_EQ(CreateNode("n1", ""), "");
  auto self = Wait(client::Get<api::core::Node>(*root_, "", "n1"));
  ASSERT_TRUE(self);
  const std::string uid = (*self)->metadata.uid;
  auto mirror = [&](std::string_view owner_rest) {
    return fmt::format(R"(,"annotations":{{"kubernetes.io/config.mirror":"x"}},"ownerReferences":[{{{}}}])", owner_rest);
  };
  const std::string owner = fmt::format(R"("apiVersion":"v1","kind":"Node","name":"n1","uid":"{}")", uid);
  const std::string good = mirror(owner + R"(,"controller":true)");
  constexpr std::string_view kOwnerless = R"(,"annotations":{"kubernetes.io/config.mirror":"x"})";
  constexpr std::string_view kHere = R"(,"nodeName":"n1")";
  struct Case {
    std::string metadata;
    std::string_view spec, why;
  };
  const Case cases[] = {
      {"", kHere, R"(pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods)"},
      {good, R"(,"nodeName":"n2")", R"(node "n1" can only create pods with spec.nodeName set to itself)"},
      {std::string(kOwnerless), kHere, R"(node "n1" can only create pods with an owner reference set to itself)"},
      {mirror(R"("apiVersion":"apps/v1","kind":"Node","name":"n1","uid":"u","controller":true)"), kHere,
       R"(node "n1" can only create pods with an owner reference set to itself)"},
      {mirror(R"("apiVersion":"v1","kind":"Node","name":"n2","uid":"u","controller":true)"), kHere,
       R"(node "n1" can only create pods with an owner reference set to itself)"},
      {mirror(owner + "},{" + owner), kHere,
       R"(node "n1" can only create pods with a single owner reference set to itself)"},
      {mirror(owner), kHere, R"(node "n1" can only create pods with a controller owner reference set to itself)"},
      {mirror(owner + R"(,"controller":true,"blockOwnerDeletion":true)"), kHere,
       R"(node "n1" must not set blockOwnerDeletion on an owner reference)"},
      {mirror(R"("apiVersion":"v1","kind":"Node","name":"n1","uid":"u","controller":true)"), kHere, "UID mismatch"},
      {good, R"(,"nodeName":"n1","serviceAccountName":"boss")", "a mirror pod may not reference service accounts"},
      {good, R"(,"nodeName":"n1","imagePullSecrets":[{"name":"s"}])", "a mirror pod may not reference secrets"},
      {good, R"(,"nodeName":"n1","volumes":[{"name":"v","projected":{"sources":[{"serviceAccountToken":{"path":"t"}}]}}])",
       "a mirror pod may not use service account token volume projections"},
      {good, R"(,"nodeName":"n1","volumes":[{"name":"v","projected":{"sources":[{"configMap":{"name":"s"}}]}}])",
       R"(node "n1" can not create pods that reference configmaps)"},
      {good, R"(,"nodeName":"n1","volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"s"}}])",
       R"(node "n1" can not create pods that reference persistentvolumeclaims)"},
      {good, kHere, ""},
  };
  for (const Case& c : cases) {
    std::string why = CreatePod(c.metadata, c.spec);
    EXPECT_TRUE(c.why.empty() ? why.empty() : why.find(c.why) != std::string::npos) << c.metadata << c.spec << ": " << why;
  }
}

TEST_F(NodeRestrictionTest, AMirrorPodHasNoToken) {
  ASSERT_EQ(CreateNode("n1", ""), "");
  auto self = Wait(client::Get<api::core::Node>(*root_, "", "n1"));
  ASSERT_TRUE(self);
  std::string text = fmt::format(
      R"(,"annotations":{{"kubernetes.io/config.mirror":"x"}},"ownerReferences":[{{"apiVersion":"v1","kind":"Node",)"
      R"("name":"n1","uid":"{}","controller":true}}])",
      (*self)->metadata.uid);
  ASSERT_EQ(CreatePod(text, R"(,"nodeName":"n1")"), "");
  auto pod = Wait(client::Get<api::core::Pod>(*root_, "default", "p"));
  ASSERT_TRUE(pod);
  json::Value body = *json::Parse(fmt::format(
      R"({{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{{"boundObjectRef":{{"apiVersion":"v1",)"
      R"("kind":"Pod","name":"p","uid":"{}"}}}}}})",
      (*pod)->metadata.uid));
  for (client::Client* client : {node_.get(), root_.get()}) {
    EXPECT_FALSE(Wait(client->Create(client::RefOf<api::core::ServiceAccount>("default", "default", "token"), body)));
  }
}

TEST_F(NodeRestrictionTest, AStatusLeavesThePodToItsOwner) {
  auto stored = Wait(client::Create(
      *root_, *api::FromJson<api::core::Pod>(*json::Parse(
                  R"({"metadata":{"name":"mine","namespace":"default","ownerReferences":[{"apiVersion":"v1","kind":"Node",)"
                  R"("name":"x","uid":"u"}]},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}})"))));
  ASSERT_TRUE(stored) << stored.error().message();
  auto patch = [this](std::string_view text) {
    return Why(Wait(client::MergePatch<api::core::Pod>(*node_, "default", "mine", *json::Parse(text), "status")));
  };
  EXPECT_EQ(patch(R"({"metadata":{"labels":{"app":"web"}}})"), "node \"n1\" cannot update labels through pod status");
  EXPECT_EQ(patch(R"({"metadata":{"ownerReferences":null},"status":{"message":"m"}})"), "");
  auto after = Wait(client::Get<api::core::Pod>(*root_, "default", "mine"));
  ASSERT_TRUE(after);
  EXPECT_EQ((*after)->status.message, "m");
  EXPECT_EQ((*after)->metadata.owner_references.size(), 1u);
  EXPECT_EQ(patch(R"({"status":{"resourceClaimStatuses":[{"name":"a","resourceClaimName":"b"}]}})"),
            "node \"n1\" cannot update resource claim statues");
}

TEST_F(NodeRestrictionTest, ANodeGetsTokensForItsPodsOnly) {
  auto create = [this](std::string_view text) {
    auto pod = Wait(client::Create(*root_, *api::FromJson<api::core::Pod>(*json::Parse(text))));
    return pod ? std::string((*pod)->metadata.uid) : pod.error().message();
  };
  std::string here = create(
      R"({"metadata":{"name":"here","namespace":"default"},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}})");
  std::string there = create(
      R"({"metadata":{"name":"there","namespace":"default"},"spec":{"nodeName":"n2","containers":[{"name":"c","image":"i"}]}})");
  std::string volumes = create(
      R"({"metadata":{"name":"volumes","namespace":"default"},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}],)"
      R"("automountServiceAccountToken":false,"volumes":[{"name":"v","projected":{"sources":[{"serviceAccountToken":)"
      R"({"path":"p","audience":"vault"}}]}}]}})");
  auto asks = [](std::string_view name, std::string_view uid, std::string_view audiences) {
    return fmt::format(R"({{"audiences":{},"boundObjectRef":{{"apiVersion":"v1","kind":"Pod","name":"{}","uid":"{}"}}}})",
                       audiences, name, uid);
  };
  const std::array<std::string, 2> cases[] = {
      {"{}", "node requested token not bound to a pod"},
      {R"({"boundObjectRef":{"apiVersion":"v1","kind":"Secret","name":"here","uid":"u"}})",
       "node requested token not bound to a pod"},
      {R"({"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"here"}})",
       "node requested token with a pod binding without a uid"},
      {fmt::format(R"({{"boundObjectRef":{{"apiVersion":"v1","kind":"Pod","name":"there","uid":"{}"}}}})", there),
       "node requested token bound to a pod scheduled on a different node"},
      {fmt::format(R"({{"boundObjectRef":{{"apiVersion":"v1","kind":"Pod","name":"here","uid":"{}"}}}})", here), ""},
      {asks("here", here, R"(["vault"])"), "audience \"vault\" not found in pod spec volume"},
      {asks("volumes", volumes, R"(["vault"])"), ""},
      {asks("volumes", volumes, R"(["vault","other"])"), "node may only request 0 or 1 audiences"},
      {asks("volumes", volumes, "[]"), "audience \"\" not found in pod spec volume"},
      {asks("volumes", volumes, R"(["granted"])"), "audience \"granted\" not found in pod spec volume"},
  };
  auto ask = [this](std::string_view spec) {
    json::Value body =
        json::Object{{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", *json::Parse(spec)}};
    return Why(Wait(node_->Create(client::RefOf<api::core::ServiceAccount>("default", "default", "token"), body)));
  };
  for (const auto& [spec, why] : cases) EXPECT_EQ(ask(spec), why) << spec;
  ClusterRole role;
  role.metadata.name = "asks-granted";
  role.rules.push_back({.verbs = {"request-serviceaccounts-token-audience"}, .api_groups = {""}, .resources = {"granted"}});
  ASSERT_TRUE(Wait(client::Create(*root_, role)).has_value());
  ClusterRoleBinding binding;
  binding.metadata.name = "asks-granted";
  binding.role_ref = {"rbac.authorization.k8s.io", "ClusterRole", "asks-granted"};
  binding.subjects.push_back({"Group", "rbac.authorization.k8s.io", "system:nodes", ""});
  ASSERT_TRUE(Wait(client::Create(*root_, binding)).has_value());
  EXPECT_TRUE(Eventually([&] { return ask(asks("volumes", volumes, R"(["granted"])")).empty(); }));
}

TEST_F(AuthSystemTest, TokensAreIssuedAndAccepted) {
  api::core::ServiceAccount account;
  account.metadata.name = "robot";
  account.metadata.namespace_ = "default";
  ASSERT_TRUE(Wait(client::Create(*root_, account)).has_value());
  json::Value body = json::Object{{"apiVersion", "authentication.k8s.io/v1"},
                                  {"kind", "TokenRequest"},
                                  {"spec", json::Object{{"expirationSeconds", 3600}}}};
  auto issued = Wait(root_->Create(client::RefOf<api::core::ServiceAccount>("default", "robot", "token"), std::move(body)));
  ASSERT_TRUE(issued.has_value()) << issued.error().message();
  json::Value answer = (*issued)->Parse();
  net::Request request;
  request.headers.Add("authorization", fmt::format("Bearer {}", json::FindString(json::Find(answer, "status", "token"))));
  Result<UserInfo> user = Wait(auth_->authenticator().Authenticate(request));
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->name, "system:serviceaccount:default:robot");
}

TEST_F(AuthSystemTest, TheNameServerReadsItsConfigurationOnly) {
  std::unique_ptr<client::Client> dns = Client("system:kube-dns");
  auto read = [&](std::string selector) {
    auto list = Wait(dns->List(client::RefOf<api::core::ConfigMap>("kube-system"), {.field_selector = std::move(selector)}));
    return list.has_value();
  };
  EXPECT_TRUE(Eventually([&] { return read("metadata.name=coredns"); }));
  EXPECT_FALSE(read("metadata.name=other"));
  EXPECT_FALSE(read(""));
}

}  // namespace
}  // namespace sampan::apiserver::auth
