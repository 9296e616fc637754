#include <gtest/gtest.h>

#include "api/meta/field_selector.h"
#include "api/types/convert.h"
#include "apiserver/auth/aggregation.h"
#include "apiserver/auth/default_roles.h"
#include "apiserver/auth/escalation.h"
#include "apiserver/auth/node_authorizer.h"
#include "apiserver/auth/node_identity.h"
#include "apiserver/auth/rule_text.h"
#include "apiserver/auth/rules.h"
#include "apiserver/auth/testing.h"

namespace sampan::apiserver::auth {
namespace {

// "get pods", "list apps/deployments ns", "get core/pods/log ns/name", "list core/pods / spec.nodeName=n1", "get /path"
struct Question {
  explicit Question(std::string_view text) : words(Words(text)) {
    attributes.verb = words[0];
    std::string_view what = words[1];
    if (what.starts_with('/')) {
      attributes.path = what;
      return;
    }
    attributes.resource_request = true;
    attributes.version = "v1";
    auto take = [&what] {
      size_t slash = std::min(what.find('/'), what.size());
      std::string_view part = what.substr(0, slash);
      what.remove_prefix(std::min(slash + 1, what.size()));
      return part;
    };
    attributes.group = take();
    if (attributes.group == "core") attributes.group = "";
    attributes.resource = take();
    attributes.subresource = what;
    if (words.size() < 3) return;
    what = words[2];
    attributes.namespace_ = take();
    attributes.name = what;
    if (words.size() < 4) return;
    fields = *api::FieldSelector::Parse(words[3]);
    attributes.fields = &fields;
  }
  Question(const Question&) = delete;  // the attributes point into it
  std::vector<std::string> words;
  api::FieldSelector fields;
  Attributes attributes;
};

bool Allowed(const Authorizer& authorizer, const UserInfo& user, std::string_view text) {
  Question question(text);
  question.attributes.user = &user;
  return authorizer.Authorize(question.attributes).allowed;
}

// RBAC over an index that a test fills.
class IndexAuthorizer final : public Authorizer, public RuleSource {
 public:
  RbacIndex index;
  Decision Authorize(const Attributes& a) const override { return index.Authorize(a, RbacIndex::Detail::kNone); }
  Decision Explain(const Attributes& a) const override { return index.Authorize(a, RbacIndex::Detail::kReason); }
  const RuleSource* rules() const override { return this; }
  UserRules RulesFor(const UserInfo& user, std::string_view namespace_) const override {
    UserRules rules;
    index.VisitRules(user, namespace_, [&](const auto& rule) { rules.rules.push_back(rule); }, &rules.missing_roles);
    return rules;
  }
  std::optional<PolicyRules> RulesOf(std::string_view namespace_, const api::rbac::RoleRef& role) const override {
    const PolicyRules* rules = index.RulesOf(namespace_, role);
    return rules ? std::optional(*rules) : std::nullopt;
  }
  void LoadDefaults() {
    DefaultPolicy policy = MakeDefaultPolicy();
    std::vector<const api::rbac::ClusterRole*> roles;
    for (const auto& role : policy.cluster_roles) roles.push_back(&role);
    const Aggregation aggregation(std::move(roles));
    for (const auto& role : policy.cluster_roles) {
      index.SetRole("", role.metadata.name, role.aggregation_rule ? aggregation.RulesOf(role) : role.rules);
    }
    for (const auto& binding : policy.cluster_role_bindings) {
      index.SetBinding({"", binding.metadata.name, binding.subjects, binding.role_ref});
    }
  }
  void Bind(std::string namespace_, std::string name, std::string subject_kind, std::string subject, std::string role_kind,
            std::string role) {
    index.SetBinding({std::move(namespace_),
                      std::move(name),
                      {{std::move(subject_kind), "", std::move(subject), ""}},
                      {"", std::move(role_kind), std::move(role)}});
  }
};

const UserInfo kBob{"bob", "", {"dev", "system:authenticated"}, {}};

TEST(RuleAllows, Table) {
  struct Case {
    PolicyRules rules;
    const char* question;
    bool allowed;
  };
  const Case cases[] = {
      {Rules({{"core", "pods", "get list"}}), "get core/pods ns/a", true},
      {Rules({{"core", "pods", "get list"}}), "watch core/pods ns", false},
      {Rules({{"core", "pods", "get"}}), "get apps/pods ns", false},
      {Rules({{"core", "pods", "get"}}), "get core/pods/log ns/a", false},
      {Rules({{"core", "pods/log", "get"}}), "get core/pods/log ns/a", true},
      {Rules({{"core", "pods/log", "get"}}), "get core/pods ns/a", false},
      {Rules({{"core", "pods/*", "get"}}), "get core/pods/log ns/a", false},
      {Rules({{"*", "*/scale", "get"}}), "get apps/deployments/scale ns/a", true},
      {Rules({{"*", "*/scale", "get"}}), "get apps/deployments/upscale ns/a", false},
      {Rules({{"*", "*", "*"}}), "delete x.io/things/status ns/a", true},
      {Rules({{"*", "*", "*"}}), "get /metrics", false},
      {Rules({{"core", "pods", "get", "a b"}}), "get core/pods ns/b", true},
      {Rules({{"core", "pods", "get", "a b"}}), "get core/pods ns/c", false},
      {Rules({{"core", "pods", "list", "a"}}), "list core/pods ns", false},
      {{Paths("/api/*", "get")}, "get /api/v1", true},
      {{Paths("/api/*", "get")}, "get /apis", false},
      {{Paths("/version", "get")}, "get /version/", false},
      {{Paths("*", "*")}, "post /anything", true},
      {{Paths("*", "*")}, "get core/pods", false},
  };
  for (const Case& one : cases) {
    Question question(one.question);
    EXPECT_EQ(RuleAllows(one.rules[0], question.attributes), one.allowed)
        << CompactRule(one.rules[0]) << " " << one.question;
  }
}

TEST(RbacIndex, BindingsDecide) {
  IndexAuthorizer rbac;
  rbac.index.SetRole("ns", "reader", Rules({{"core", "pods", "get"}}));
  rbac.index.SetRole("", "reader", Rules({{"core", "nodes", "get"}}));
  rbac.Bind("ns", "b1", "User", "bob", "Role", "reader");
  EXPECT_TRUE(Allowed(rbac, kBob, "get core/pods ns/a"));
  EXPECT_FALSE(Allowed(rbac, kBob, "get core/pods other/a"));
  EXPECT_FALSE(Allowed(rbac, kBob, "get core/pods"));
  EXPECT_FALSE(Allowed(rbac, kBob, "get core/nodes"));
  rbac.Bind("", "b2", "Group", "dev", "ClusterRole", "reader");
  EXPECT_TRUE(Allowed(rbac, kBob, "get core/nodes"));
  rbac.Bind("ns", "b1", "User", "eve", "Role", "reader");
  EXPECT_FALSE(Allowed(rbac, kBob, "get core/pods ns/a")) << "the binding has changed";
  rbac.index.SetBinding({"ns", "b3", {{"ServiceAccount", "", "web", ""}}, {"", "ClusterRole", "late"}});
  const UserInfo account{"system:serviceaccount:ns:web", "", {}, {}};
  Question question("get core/secrets ns/a");
  question.attributes.user = &account;
  Decision decision = rbac.Authorize(question.attributes);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.reason, "RBAC: clusterrole.rbac.authorization.k8s.io \"late\" not found");
  rbac.index.SetRole("", "late", Rules({{"core", "secrets", "*"}}));
  decision = rbac.Explain(question.attributes);
  EXPECT_TRUE(decision.allowed) << "a role may come after its binding";
  EXPECT_EQ(decision.reason, "RBAC: allowed by RoleBinding \"b3/ns\" of ClusterRole \"late\" to ServiceAccount \"web/\"");
  rbac.index.EraseRole("", "late");
  EXPECT_FALSE(rbac.Authorize(question.attributes).allowed);
  rbac.index.EraseBinding("ns", "b3");
  EXPECT_EQ(rbac.Authorize(question.attributes).reason, "");
}

TEST(DefaultRoles, WhoMayWhat) {
  IndexAuthorizer rbac;
  rbac.LoadDefaults();
  rbac.Bind("ns", "b1", "User", "admin-of-ns", "ClusterRole", "admin");
  rbac.Bind("ns", "b2", "User", "editor", "ClusterRole", "edit");
  rbac.Bind("ns", "b3", "User", "viewer", "ClusterRole", "view");
  struct Case {
    const char* user;
    const char* groups;
    const char* question;
    bool allowed;
  };
  const Case cases[] = {
      {"root", "system:masters", "delete core/nodes /n1", true},
      {"system:anonymous", "system:unauthenticated", "get /healthz", true},
      {"system:anonymous", "system:unauthenticated", "get /api", false},
      {"bob", "system:authenticated", "get /api/v1", true},
      {"bob", "system:authenticated", "create authorization.k8s.io/selfsubjectaccessreviews", true},
      {"bob", "system:authenticated", "list core/pods ns", false},
      {"bob", "system:monitoring", "get /metrics", true},
      {"viewer", "", "list core/pods ns", true},
      {"viewer", "", "get core/pods/log ns/a", true},
      {"viewer", "", "get core/secrets ns/a", false},
      {"viewer", "", "list core/pods other", false},
      {"editor", "", "get core/secrets ns/a", true},
      {"editor", "", "create apps/deployments ns", true},
      {"editor", "", "list apps/deployments ns", true},
      {"editor", "", "create rbac.authorization.k8s.io/roles ns", false},
      {"admin-of-ns", "", "create rbac.authorization.k8s.io/roles ns", true},
      {"admin-of-ns", "", "create core/pods/exec ns/a", true},
      {"admin-of-ns", "", "delete core/namespaces /ns", false},
      {"system:kube-scheduler", "", "create core/pods/binding ns/a", true},
      {"system:kube-scheduler", "", "create core/pods ns", false},
      {"system:kube-controller-manager", "", "create apps/replicasets ns", true},
      {"system:kube-controller-manager", "", "list anything.io/things", true},
      {"system:serviceaccount:kube-system:replicaset-controller", "", "create core/pods ns", true},
      {"system:kube-proxy", "", "watch discovery.k8s.io/endpointslices", true},
      {"system:node:n1", "system:nodes", "list core/pods", false},
      {"system:node:n1", "system:nodes", "list core/nodes", false},
      {"n1", "system:nodes", "watch core/services", false},
      {"kube-apiserver-kubelet-client", "", "get core/nodes/proxy /n1", true},
      {"system:serviceaccount:ns:x", "system:serviceaccounts", "get /openid/v1/jwks", true},
  };
  for (const Case& one : cases) {
    UserInfo user{one.user, "", Words(one.groups), {}};
    EXPECT_EQ(Allowed(rbac, user, one.question), one.allowed) << one.user << " " << one.question;
  }
}

TEST(DefaultRoles, ReconcileAddsWhatIsMissing) {
  DefaultPolicy policy = MakeDefaultPolicy();
  const api::rbac::ClusterRole* wanted = nullptr;
  for (const auto& role : policy.cluster_roles) {
    if (role.metadata.name == "system:basic-user") wanted = &role;
  }
  ASSERT_NE(wanted, nullptr);
  EXPECT_FALSE(Reconcile(*wanted, *wanted).has_value());
  api::rbac::ClusterRole less = *wanted;
  less.rules.pop_back();
  less.rules.push_back(Rules({{"core", "pods", "get"}})[0]);
  auto merged = Reconcile(less, *wanted);
  ASSERT_TRUE(merged.has_value());
  EXPECT_EQ(merged->rules.size(), 3u) << "what the administrator added stays";
  less.metadata.annotations["rbac.authorization.kubernetes.io/autoupdate"] = "false";
  EXPECT_FALSE(Reconcile(less, *wanted).has_value());
  api::rbac::ClusterRoleBinding binding = policy.cluster_role_bindings[0];
  binding.subjects.clear();
  EXPECT_EQ(Reconcile(binding, policy.cluster_role_bindings[0])->subjects.size(), 1u);
  binding.role_ref.name = "other";
  EXPECT_FALSE(Reconcile(binding, policy.cluster_role_bindings[0]).has_value());
}

TEST(DefaultRoles, NodesLoseWhatTheyOnceHad) {
  DefaultPolicy policy = MakeDefaultPolicy();
  for (auto binding : policy.cluster_role_bindings) {
    EXPECT_FALSE(WithoutWithdrawn(binding, policy)) << binding.metadata.name;
    const size_t subjects = binding.subjects.size();
    binding.subjects.push_back({"Group", "rbac.authorization.k8s.io", "system:nodes", ""});
    const bool once = binding.metadata.name == "system:node-proxier" || binding.metadata.name == "system:kube-dns";
    std::optional<api::rbac::ClusterRoleBinding> less = WithoutWithdrawn(binding, policy);
    EXPECT_EQ(less.has_value(), once) << binding.metadata.name;
    if (less) EXPECT_EQ(less->subjects.size(), subjects);
    binding.metadata.annotations["rbac.authorization.kubernetes.io/autoupdate"] = "false";
    EXPECT_FALSE(WithoutWithdrawn(binding, policy)) << "it is the administrator's";
  }
}

TEST(Escalation, Uncovered) {
  struct Case {
    PolicyRules wanted;
    PolicyRules held;
    std::string missing;
  };
  const Case cases[] = {
      {Rules({{"core", "pods", "get list"}}), Rules({{"core", "pods services", "get list watch"}}), ""},
      {Rules({{"core", "pods", "get list"}}), Rules({{"core", "pods", "get"}}),
       R"({APIGroups:[""], Resources:["pods"], Verbs:["list"]})"},
      {Rules({{"core", "pods", "get delete"}}), {}, R"({APIGroups:[""], Resources:["pods"], Verbs:["get" "delete"]})"},
      {Rules({{"core", "pods", "*"}}), Rules({{"core", "pods", "get list watch create update patch delete"}}),
       R"({APIGroups:[""], Resources:["pods"], Verbs:["*"]})"},
      {Rules({{"apps", "*", "get"}}), Rules({{"*", "*", "*"}}), ""},
      {Rules({{"core", "pods", "get", "a"}}), Rules({{"core", "pods", "get", "a b"}}), ""},
      {Rules({{"core", "pods", "get"}}), Rules({{"core", "pods", "get", "a"}}),
       R"({APIGroups:[""], Resources:["pods"], Verbs:["get"]})"},
      {Rules({{"apps", "deployments/scale", "get"}}), Rules({{"apps", "*/scale", "get"}}), ""},
      {{Paths("/api/x", "get")}, {Paths("/api/*", "get")}, ""},
      {{Paths("/api/*", "get")}, {Paths("/api/x", "get")}, R"({NonResourceURLs:["/api/*"], Verbs:["get"]})"},
  };
  // Together two rules cover what neither does alone.
  EXPECT_TRUE(
      Uncovered(Rules({{"core", "pods", "get list"}}), Rules({{"core", "pods", "get"}, {"core", "pods", "list"}})).empty());
  // An empty name is a name, and no name is any.
  const api::rbac::PolicyRule empty_name{
      .verbs = {"get"}, .api_groups = {""}, .resources = {"pods"}, .resource_names = {""}};
  EXPECT_FALSE(Uncovered(Rules({{"core", "pods", "get"}}), {empty_name}).empty());
  EXPECT_TRUE(Uncovered({empty_name}, Rules({{"core", "pods", "get"}})).empty());
  for (const Case& one : cases) {
    std::string missing;
    for (const auto& rule : Uncovered(one.wanted, one.held)) missing += CompactRule(rule);
    EXPECT_EQ(missing, one.missing) << CompactRule(one.wanted[0]);
  }
}

std::vector<std::string> Numbered(std::string_view prefix, int count) {
  std::vector<std::string> values;
  for (int i = 0; i < count; ++i) values.push_back(fmt::format("{}{}", prefix, i));
  return values;
}

// Rules whose lists multiply to millions of permissions are never multiplied out: neither these answers nor the way to them
// grow with the product.
TEST(Escalation, ListsAreNotMultipliedOut) {
  const std::vector<std::string> many = Numbered("v", 300);
  const PolicyRules wanted = {{.verbs = many, .api_groups = many, .resources = many, .resource_names = many}};
  EXPECT_TRUE(Uncovered(wanted, wanted).empty());
  EXPECT_TRUE(Uncovered(wanted, Rules({{"*", "*", "*"}})).empty());
  auto shown = [](const PolicyRules& rules) {
    size_t bytes = 0;
    for (const auto& rule : rules) bytes += CompactRule(rule).size();
    return bytes;
  };
  const PolicyRules none = Uncovered(wanted, {});
  EXPECT_FALSE(none.empty());
  EXPECT_LT(shown(none), 100'000U);
  // Each value is named by another rule, so that no two can be told to be alike.
  PolicyRules held;
  for (const std::string& value : many) {
    held.push_back({.verbs = {value}, .api_groups = {value}, .resources = {value}, .resource_names = {value}});
  }
  EXPECT_FALSE(Uncovered(wanted, held).empty());
  EXPECT_TRUE(Uncovered(held, held).empty());
  EXPECT_TRUE(Uncovered(held, wanted).empty());
  PolicyRules single;
  for (int i = 0; i < 20'000; ++i)
    single.push_back({.verbs = {"get"}, .api_groups = {""}, .resources = {fmt::format("r{}", i)}});
  EXPECT_TRUE(Uncovered(single, single).empty());
  const PolicyRules paths = {{.verbs = {"get"}, .non_resource_urls = {"/a/*", "/b"}}};
  EXPECT_TRUE(Uncovered({Paths("/a/x /a/y /b", "get")}, paths).empty());
  EXPECT_EQ(Uncovered({Paths("/a/x /c", "get")}, paths).size(), 1U);
}

TEST(Escalation, GrantsNeedWhatTheyGrant) {
  IndexAuthorizer rbac;
  rbac.index.SetRole("", "pods", Rules({{"core", "pods", "get"}}));
  rbac.index.SetRole("", "secrets", Rules({{"core", "secrets", "get"}}));
  rbac.index.SetRole("", "binder", Rules({{"rbac.authorization.k8s.io", "clusterroles", "bind", "secrets"}}));
  rbac.index.SetRole("", "escalator", Rules({{"rbac.authorization.k8s.io", "roles", "escalate"}}));
  rbac.Bind("", "1", "User", "bob", "ClusterRole", "pods");
  rbac.Bind("", "2", "User", "binder", "ClusterRole", "binder");
  rbac.Bind("", "3", "User", "escalator", "ClusterRole", "escalator");
  const std::string role_tail = R"(,"verbs":["get"]}]})";
  const std::string role =
      R"({"kind":"Role","metadata":{"name":"r","namespace":"ns"},"rules":[{"apiGroups":[""],"resources":)";
  const std::string binding =
      R"({"kind":"RoleBinding","metadata":{"name":"b","namespace":"ns"},"roleRef":{"kind":"ClusterRole","name":)";
  struct Case {
    const char* user;
    std::string object;
    std::string error;
  };
  const Case cases[] = {
      {"bob", role + R"(["pods"])" + role_tail, ""},
      {"bob", role + R"(["secrets"])" + role_tail,
       "roles.rbac.authorization.k8s.io \"r\" is forbidden: user \"bob\" (groups=[\"g\"]) is attempting to grant RBAC "
       "permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}"},
      {"escalator", role + R"(["secrets"])" + role_tail, ""},
      {"bob", binding + R"("pods"}})", ""},
      {"bob", binding + R"("secrets"}})",
       "rolebindings.rbac.authorization.k8s.io \"b\" is forbidden: user \"bob\" (groups=[\"g\"]) is attempting to grant "
       "RBAC "
       "permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}"},
      {"binder", binding + R"("secrets"}})", ""},
      {"bob", binding + R"("none"}})", "clusterroles.rbac.authorization.k8s.io \"none\" not found"},
  };
  for (const Case& one : cases) {
    const json::Value object = json::Parse(one.object).value();
    const UserInfo user{one.user, "", {"g"}, {}};
    Result<void> checked = CheckGrant(rbac, user, object, nullptr);
    EXPECT_EQ(checked ? "" : checked.error().message(), one.error) << one.user << one.object;
    EXPECT_TRUE(CheckGrant(rbac, user, object, &object).has_value()) << "a write that grants nothing new";
    EXPECT_TRUE(CheckGrant(rbac, {"root", "", {"system:masters"}, {}}, object, nullptr).has_value());
  }
}

TEST(NodeAuthorizer, NodesMayTouchTheirOwn) {
  FakeLookup lookup;
  lookup.Add("pods", R"({"kind":"Pod","metadata":{"name":"mine","namespace":"ns","uid":"1"},"spec":{"nodeName":"n1",
      "serviceAccountName":"web","imagePullSecrets":[{"name":"pull"}],
      "volumes":[{"name":"a","secret":{"secretName":"vol"}},
                 {"name":"b","projected":{"sources":[{"configMap":{"name":"proj"}}]}},
                 {"name":"d","csi":{"driver":"x","nodePublishSecretRef":{"name":"csi"}}},
                 {"name":"e","persistentVolumeClaim":{"claimName":"claim"}},
                 {"name":"scratch","ephemeral":{"volumeClaimTemplate":{"spec":{}}}}],
      "ephemeralContainers":[{"name":"g","envFrom":[{"secretRef":{"name":"debug"}}]}],
      "containers":[{"name":"c","env":[{"name":"X","valueFrom":{"secretKeyRef":{"name":"env","key":"k"}}}],
                     "envFrom":[{"configMapRef":{"name":"from"}}]}]}})");
  lookup.Add("pods", R"({"kind":"Pod","metadata":{"name":"other","namespace":"ns","uid":"2"},"spec":{"nodeName":"n2",
      "volumes":[{"name":"a","secret":{"secretName":"foreign"}},
                 {"name":"b","persistentVolumeClaim":{"claimName":"foreign"}}]}})");
  lookup.Add("pods", R"({"kind":"Pod","metadata":{"name":"mirror","namespace":"ns","uid":"3",
      "annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1",
      "volumes":[{"name":"a","secret":{"secretName":"mirrored"}}]}})");
  std::unique_ptr<Authorizer> nodes = NewNodeAuthorizer(lookup);
  struct Case {
    const char* question;
    bool allowed;
  };
  const Case cases[] = {
      {"get core/nodes /n1", true},
      {"get core/nodes /n2", false},
      {"list core/nodes", false},
      {"watch core/nodes", false},
      {"list core/nodes /n1", true},
      {"watch core/nodes /n1", true},
      {"watch core/nodes /n2", false},
      {"get core/nodes/proxy /n1", false},
      {"create core/nodes", true},
      {"patch core/nodes/status /n1", true},
      {"patch core/nodes/status /n2", false},
      {"update core/nodes /n2", false},
      {"delete core/nodes /n1", false},
      {"get core/secrets ns/vol", true},
      {"get core/secrets ns/env", true},
      {"get core/secrets ns/pull", true},
      {"get core/secrets ns/foreign", false},
      {"get core/secrets other/vol", false},
      {"get core/secrets ns/csi", true},
      {"get core/secrets ns/debug", true},
      {"get core/secrets ns/mirrored", false},
      {"list core/secrets ns/vol", true},
      {"list core/secrets /vol", false},
      {"list core/secrets ns", false},
      {"update core/secrets ns/vol", false},
      {"get core/configmaps ns/proj", true},
      {"watch core/configmaps ns/from", true},
      {"get core/configmaps ns/vol", false},
      {"create core/serviceaccounts/token ns/web", true},
      {"create core/serviceaccounts/token ns/default", false},
      {"create core/serviceaccounts/token ns", false},
      {"get core/serviceaccounts ns/web", false},
      {"get core/persistentvolumeclaims ns/claim", true},
      {"get core/persistentvolumeclaims ns/mine-scratch", true},
      {"list core/persistentvolumeclaims ns/claim", false},
      {"get core/persistentvolumeclaims ns/foreign", false},
      {"patch core/persistentvolumeclaims/status ns/claim", true},
      {"get core/persistentvolumes /pv", false},
      {"update core/pods/status ns/mine", true},
      {"update core/pods/status ns/other", false},
      {"delete core/pods ns/mine", true},
      {"delete core/pods ns/other", false},
      {"create core/pods/eviction ns/mine", true},
      {"create core/pods/eviction ns/other", false},
      {"patch core/pods/ephemeralcontainers ns/mine", false},
      {"patch core/pods/resize ns/mine", false},
      {"get core/pods ns/mine", true},
      {"get core/pods ns/other", false},
      {"get core/pods ns/absent", false},
      {"get core/pods/log ns/mine", false},
      {"deletecollection core/pods ns spec.nodeName=n1", false},
      {"list core/pods", false},
      {"watch core/pods", false},
      {"list core/pods / spec.nodeName=n1", true},
      {"watch core/pods / spec.nodeName=n1", true},
      {"watch core/pods / status.phase=Running,spec.nodeName=n1", true},
      {"watch core/pods / spec.nodeName=n2", false},
      {"watch core/pods / spec.nodeName!=n1", false},
      {"watch core/pods / spec.nodeName=", false},
      {"watch core/pods / metadata.name=n1", false},
      {"watch core/pods ns/mine", true},
      {"watch core/pods ns/other", false},
      {"update core/pods ns/mine", false},
      {"create coordination.k8s.io/leases kube-node-lease", true},
      {"update coordination.k8s.io/leases kube-node-lease/n1", true},
      {"update coordination.k8s.io/leases kube-node-lease/n2", false},
      {"update coordination.k8s.io/leases kube-system/n1", false},
      {"list coordination.k8s.io/leases kube-node-lease", false},
      {"delete coordination.k8s.io/leases kube-node-lease/n1", true},
      {"create core/events ns", true},
      {"watch core/services", true},
      {"watch discovery.k8s.io/endpointslices", true},
      {"update discovery.k8s.io/endpointslices ns/s", false},
      {"watch core/namespaces", true},
      {"create apps/deployments ns", false},
      {"get /metrics", false},
  };
  const UserInfo node{"system:node:n1", "", {"system:nodes"}, {}};
  for (const Case& one : cases) EXPECT_EQ(Allowed(*nodes, node, one.question), one.allowed) << one.question;
  EXPECT_FALSE(Allowed(*nodes, {"system:node:n1", "", {}, {}}, "get core/nodes /n1")) << "the name alone is no node";
  EXPECT_FALSE(Allowed(*nodes, {"n1", "", {"system:nodes"}, {}}, "get core/nodes /n1")) << "the group alone is no node";
  for (std::string_view name : {"", "N1", "a_b", "..", "a/b", "n1 "}) {
    const UserInfo nobody{fmt::format("system:node:{}", name), "", {"system:nodes"}, {}};
    EXPECT_EQ(NodeOf(nobody), "") << name;
    for (const Case& one : cases) EXPECT_FALSE(Allowed(*nodes, nobody, one.question)) << name << " " << one.question;
  }
  EXPECT_FALSE(Allowed(*nodes, kBob, "get core/nodes /n1"));
}

TEST(ForbiddenError, SaysWhatKubernetesSays) {
  struct Case {
    const char* question;
    const char* reason;
    const char* message;
  };
  const Case cases[] = {
      {"list core/pods default", "",
       "pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""},
      {"get apps/deployments ns/web", "why",
       "deployments.apps \"web\" is forbidden: User \"bob\" cannot get resource \"deployments\" in API group \"apps\" in "
       "the "
       "namespace \"ns\": why"},
      {"create core/pods/exec ns/web", "",
       "pods \"web\" is forbidden: User \"bob\" cannot create resource \"pods/exec\" in API group \"\" in the namespace "
       "\"ns\""},
      {"list core/nodes", "",
       "nodes is forbidden: User \"bob\" cannot list resource \"nodes\" in API group \"\" at the cluster scope"},
      {"get /metrics", "", "forbidden: User \"bob\" cannot get path \"/metrics\""},
  };
  for (const Case& one : cases) {
    Question question(one.question);
    question.attributes.user = &kBob;
    EXPECT_EQ(ForbiddenError(question.attributes, one.reason).message(), one.message);
  }
}

}  // namespace
}  // namespace sampan::apiserver::auth
