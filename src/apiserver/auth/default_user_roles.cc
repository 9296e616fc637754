// The roles that people are given: cluster-admin, admin, edit, view, and what every user has.
#include "apiserver/auth/default_roles.h"
#include "apiserver/auth/rule_text.h"

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kRead = "get list watch";
constexpr std::string_view kWrite = "create delete deletecollection patch update";
constexpr std::string_view kAll = "create delete deletecollection get list patch update watch";

std::string AggregateLabel(std::string_view to) {
  return fmt::format("rbac.authorization.k8s.io/aggregate-to-{}", to);
}

PolicyRules ViewRules() {
  return Rules({
      {"core",
       "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
       "replicationcontrollers/scale serviceaccounts services services/status",
       kRead},
      {"core",
       "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas "
       "resourcequotas/status",
       kRead},
      {"core", "namespaces", kRead},
      {"discovery.k8s.io", "endpointslices", kRead},
      {"events.k8s.io", "events", kRead},
      {"apps",
       "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets "
       "replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
       kRead},
      {"autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", kRead},
      {"batch", "cronjobs cronjobs/status jobs jobs/status", kRead},
      {"extensions",
       "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status "
       "networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
       kRead},
      {"policy", "poddisruptionbudgets poddisruptionbudgets/status", kRead},
      {"networking.k8s.io", "ingresses ingresses/status networkpolicies", kRead},
  });
}

PolicyRules EditRules() {
  return Rules({
      {"core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", kRead},
      {"core", "serviceaccounts", "impersonate"},
      {"core", "pods pods/attach pods/exec pods/portforward pods/proxy", kWrite},
      {"core", "pods/eviction", "create"},
      {"core",
       "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
       "serviceaccounts "
       "services services/proxy",
       kWrite},
      {"events.k8s.io", "events", kWrite},
      {"core", "serviceaccounts/token", "create"},
      {"apps",
       "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets "
       "statefulsets/scale",
       kWrite},
      {"autoscaling", "horizontalpodautoscalers", kWrite},
      {"batch", "cronjobs jobs", kWrite},
      {"extensions",
       "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets "
       "replicasets/scale replicationcontrollers/scale",
       kWrite},
      {"policy", "poddisruptionbudgets", kWrite},
      {"networking.k8s.io", "ingresses networkpolicies", kWrite},
      {"coordination.k8s.io", "leases", kAll},
  });
}

PolicyRules AdminRules() {
  return Rules({
      {"authorization.k8s.io", "localsubjectaccessreviews", "create"},
      {"rbac.authorization.k8s.io", "rolebindings roles", kAll},
  });
}

// `name` is made of all roles with its aggregation label, among them system:aggregate-to-<name> and the role below it.
void AddAggregated(DefaultPolicy& policy, std::string_view name, std::string_view into, PolicyRules rules) {
  api::rbac::ClusterRole& part = AddClusterRole(policy, fmt::format("system:aggregate-to-{}", name), std::move(rules));
  part.metadata.labels[AggregateLabel(name)] = "true";
  api::rbac::ClusterRole& whole = AddClusterRole(policy, name, {});
  if (!into.empty()) whole.metadata.labels[AggregateLabel(into)] = "true";
  api::meta::LabelSelector selector;
  selector.match_labels[AggregateLabel(name)] = "true";
  whole.aggregation_rule.Ensure().cluster_role_selectors.push_back(std::move(selector));
}

}  // namespace

void AddUserRoles(DefaultPolicy& policy) {
  PolicyRules everything = Rules({{"*", "*", "*"}});
  everything.push_back(Paths("*", "*"));
  AddClusterRole(policy, "cluster-admin", std::move(everything));
  Bind(policy, "cluster-admin", {{SubjectKind::kGroup, kMastersGroup}});
  AddAggregated(policy, "admin", "", AdminRules());
  AddAggregated(policy, "edit", "admin", EditRules());
  AddAggregated(policy, "view", "edit", ViewRules());

  AddClusterRole(policy, "system:discovery",
                 {Paths("/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/", "get")});
  Bind(policy, "system:discovery", {{SubjectKind::kGroup, kAuthenticatedGroup}});
  AddClusterRole(policy, "system:public-info-viewer", {Paths("/healthz /livez /readyz /version /version/", "get")});
  Bind(policy, "system:public-info-viewer",
       {{SubjectKind::kGroup, kAuthenticatedGroup}, {SubjectKind::kGroup, kUnauthenticatedGroup}});
  AddClusterRole(policy, "system:basic-user",
                 Rules({{"authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", "create"},
                        {"authentication.k8s.io", "selfsubjectreviews", "create"}}));
  Bind(policy, "system:basic-user", {{SubjectKind::kGroup, kAuthenticatedGroup}});
  AddClusterRole(policy, "system:service-account-issuer-discovery",
                 {Paths("/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks "
                        "/openid/v1/jwks/",
                        "get")});
  Bind(policy, "system:service-account-issuer-discovery", {{SubjectKind::kGroup, kServiceAccountsGroup}});
  AddClusterRole(policy, "system:monitoring",
                 {Paths("/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*", "get")});
  Bind(policy, "system:monitoring", {{SubjectKind::kGroup, "system:monitoring"}});
}

}  // namespace sampan::apiserver::auth
